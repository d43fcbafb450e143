"""The way to verl, for who outgrows TRL: its command line, its data files, and our rewards as it calls them."""
