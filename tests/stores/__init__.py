"""What stores promise, tried by killing: a few rounds with the tests, many by hand."""
