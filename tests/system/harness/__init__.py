"""What the system tests stand on: real servers in private directories, and small clients of our own."""
