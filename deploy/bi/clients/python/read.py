"""Reads every view as Superset's driver does, and prints what it saw as JSON. Arguments: host:port, user, password, database."""

import json
import sys

import clickhouse_connect


def main(address, user, password, database):
    host, port = address.rsplit(":", 1)
    client = clickhouse_connect.get_client(host=host, port=int(port), username=user, password=password, database=database)
    views = {}
    tables = client.query("SELECT name, comment FROM system.tables WHERE database = {db:String}", parameters={"db": database})
    for name, comment in tables.result_rows:
        described = client.query(f"DESCRIBE TABLE `{database}`.`{name}`")
        place = {title: i for i, title in enumerate(described.column_names)}
        rows = client.query(f"SELECT * FROM `{database}`.`{name}`")
        views[name] = {
            "comment": comment,
            "columns": {row[place["name"]]: row[place["comment"]] for row in described.result_rows},
            "rows": len(rows.result_rows),
            "text": " ".join(str(value) for row in rows.result_rows for value in row),
        }
    json.dump(views, sys.stdout)


main(*sys.argv[1:])
