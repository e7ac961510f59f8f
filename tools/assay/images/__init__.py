"""What the images of tasks hold, and whether two are the same."""
