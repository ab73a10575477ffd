"""The whole server and many clients in one process, on a clock that jumps, over a hostile network and disk."""
