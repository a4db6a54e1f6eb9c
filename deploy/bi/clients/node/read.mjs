// Reads every view by ClickHouse's own client for Node, and prints what it saw as JSON. Arguments: host:port, user, password,
// database.
import { createClient } from "@clickhouse/client";

const [address, username, password, database] = process.argv.slice(2);
// Grafana and others set a time on every question.
const client = createClient({ url: `http://${address}`, username, password, database, clickhouse_settings: { max_execution_time: 60 } });
const ask = async (query, query_params) => (await client.query({ query, query_params, format: "JSONEachRow" })).json();

const views = {};
for (const { name, comment } of await ask("SELECT name, comment FROM system.tables WHERE database = {db:String}", { db: database })) {
  const columns = await ask("SELECT name, comment FROM system.columns WHERE database = {db:String} AND table = {table:String}", {
    db: database,
    table: name,
  });
  const rows = await ask(`SELECT * FROM ${database}.${name}`);
  views[name] = {
    comment,
    columns: Object.fromEntries(columns.map((c) => [c.name, c.comment])),
    rows: rows.length,
    text: rows.flatMap((row) => Object.values(row)).join(" "),
  };
}
await client.close();
console.log(JSON.stringify(views));
