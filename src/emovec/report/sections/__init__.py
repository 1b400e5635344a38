"""The read-outs of the report, a file each."""
