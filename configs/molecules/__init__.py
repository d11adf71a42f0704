"""What the tables rmd17, acac and gfn2 share."""
