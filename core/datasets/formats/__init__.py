"""What files mean: which of them are pictures, of which class and split. One module per format."""
