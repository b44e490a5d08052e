"""The runners' way out: progress, checkpoints, artifacts and results over HTTP; and the API's way to read them."""
