// How each tool is told where the views are.
import type { Schemas } from "./api/client";

export const tools = [
  { id: "metabase", label: "Metabase" },
  { id: "superset", label: "Superset" },
  { id: "grafana", label: "Grafana" },
  { id: "node", label: "Node: @clickhouse/client" },
  { id: "python", label: "Python: clickhouse-connect" },
  { id: "jdbc", label: "Java: JDBC" },
] as const;

/** Something that reads the views. */
export type Tool = (typeof tools)[number]["id"];

/** What to fill in, what to copy, and a word about it. */
export interface Words {
  fields: [name: string, value: string][];
  code: string;
  note: string;
}

/** What connects a tool as a user; the password is left to whoever has it. */
export function connectionWords(tool: Tool, place: Schemas["BIPlace"], user: string): Words {
  // A server's own HTTP port is not known here; 8123 is the one it has unless it was changed.
  const port = place.http_port ?? 8123;
  const doubt = place.http_port === null ? " The port is ClickHouse's usual one for HTTP; with TLS it is usually 8443." : "";
  const host = place.host.includes(":") ? `[${place.host}]` : place.host;
  const at = `http://${host}:${port}`;
  const common: [string, string][] = [
    ["Host", place.host],
    ["Port", String(port)],
    ["Database", place.database],
    ["User", user],
  ];
  switch (tool) {
    case "metabase":
      return { fields: common, code: "", note: `Add a database of the type ClickHouse. Leave “Use a secure connection (SSL)” off for a port without TLS.${doubt}` };
    case "superset":
      return { fields: common, code: `clickhousedb://${user}:PASSWORD@${host}:${port}/${place.database}`, note: `Install clickhouse-connect beside Superset and choose “ClickHouse Connect”, or give this as the SQLAlchemy URI.${doubt}` };
    case "grafana":
      return {
        fields: [["Server address", place.host], ["Server port", String(port)], ["Protocol", "HTTP"], ["Default database", place.database], ["Username", user]],
        code: "",
        note: `Add ClickHouse as a data source (the plugin is Grafana's own). By the native protocol the port is ${place.native_port}.${doubt}`,
      };
    case "node":
      return { fields: common, code: `import { createClient } from "@clickhouse/client";\n\nconst client = createClient({ url: "${at}", username: "${user}", password: process.env.BI_PASSWORD, database: "${place.database}" });`, note: `The password is taken from the environment here.${doubt}` };
    case "python":
      return { fields: common, code: `import os, clickhouse_connect\n\nclient = clickhouse_connect.get_client(host="${place.host}", port=${port}, username="${user}", password=os.environ["BI_PASSWORD"], database="${place.database}")`, note: `The password is taken from the environment here.${doubt}` };
    case "jdbc":
      return { fields: common, code: `jdbc:clickhouse://${host}:${port}/${place.database}?user=${user}`, note: `The driver is com.clickhouse:clickhouse-jdbc. Give the password as the property “password”.${doubt}` };
  }
}
