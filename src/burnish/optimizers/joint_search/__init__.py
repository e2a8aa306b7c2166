"""JOINT_SEARCH: the parts of a prompt searched together. May import the shared parts; no other optimizer."""
