"""Everything is killed, frozen and cut off at random, while people go on editing."""
