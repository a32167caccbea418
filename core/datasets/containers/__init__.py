"""Where files lie: a folder, a zip archive; each read in place, never unpacked over the disk."""
