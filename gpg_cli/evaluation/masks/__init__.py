"""LISA's scores of masks: a segmenter, prompted with each predicted box, against the annotated polygons."""
