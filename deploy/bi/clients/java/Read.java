import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** Reads every view as a BI tool on JDBC does, and prints what it saw as JSON. Arguments: host:port, user, password, database. */
public class Read {
    public static void main(String[] args) throws Exception {
        Properties p = new Properties();
        p.setProperty("user", args[1]);
        p.setProperty("password", args[2]);
        // As Metabase sets it: databases are what it calls schemas.
        p.setProperty("jdbc_schema_term", "schema");
        Map<String, String> views = new TreeMap<>();
        try (Connection c = DriverManager.getConnection("jdbc:clickhouse://" + args[0] + "/" + args[3], p)) {
            DatabaseMetaData meta = c.getMetaData();
            try (ResultSet tables = meta.getTables(null, args[3], "%", new String[] {"TABLE", "VIEW"})) {
                while (tables.next()) {
                    String name = tables.getString("TABLE_NAME");
                    views.put(name, view(c, meta, args[3], name, tables.getString("REMARKS")));
                }
            }
        }
        StringBuilder out = new StringBuilder("{");
        for (Map.Entry<String, String> e : views.entrySet()) {
            out.append(out.length() > 1 ? "," : "").append(text(e.getKey())).append(":").append(e.getValue());
        }
        System.out.println(out.append("}"));
    }

    static String view(Connection c, DatabaseMetaData meta, String database, String name, String comment) throws SQLException {
        StringBuilder columns = new StringBuilder("{");
        try (ResultSet r = meta.getColumns(null, database, name, "%")) {
            while (r.next()) {
                columns.append(columns.length() > 1 ? "," : "").append(text(r.getString("COLUMN_NAME"))).append(":").append(text(r.getString("REMARKS")));
            }
        }
        int rows = 0;
        StringBuilder all = new StringBuilder();
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT * FROM " + database + "." + name)) {
            ResultSetMetaData m = r.getMetaData();
            while (r.next()) {
                rows++;
                for (int i = 1; i <= m.getColumnCount(); i++) {
                    all.append(r.getObject(i)).append(' ');
                }
            }
        }
        return "{\"comment\":" + text(comment) + ",\"columns\":" + columns + "},\"rows\":" + rows + ",\"text\":" + text(all.toString()) + "}";
    }

    static String text(String s) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : (s == null ? "" : s).toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append("\"").toString();
    }
}
