"""The client: jobs on a Burnish server, over HTTP only."""
