"""Starts a program and passes its output on; for the day on which only the supervisor is killed."""

import subprocess
import sys

if __name__ == "__main__":
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    sys.stdout.write(f"supervised pid {child.pid}\n")
    sys.stdout.flush()
    assert child.stdout is not None
    for line in child.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
    sys.exit(child.wait())
