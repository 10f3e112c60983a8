"""What things cost, as rates and as ratios against the raw cost of the signatures: `make bench`."""
