"""Pictures and what is asked about them: data sets, image files, models that see."""
