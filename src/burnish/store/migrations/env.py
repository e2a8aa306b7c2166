"""Run by Alembic, inside the transaction and on the connection that :func:`migrate` opened."""

from alembic import context

from burnish.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
