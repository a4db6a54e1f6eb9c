package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"sourceloop/schema"
)

// loadStatements reads the .sql files: every statement stands below a line
// "-- name: <name>".
func (s *Store) loadStatements() error {
	names, err := fs.Glob(statements, "sql/*.sql")
	if err != nil {
		return err
	}
	for _, name := range names {
		body, err := statements.ReadFile(name)
		if err != nil {
			return err
		}
		for _, part := range strings.Split(string(body), "-- name: ")[1:] {
			title, text, _ := strings.Cut(part, "\n")
			s.text[strings.TrimSpace(title)] = strings.TrimRight(text, "; \n")
		}
	}
	return nil
}

// queryer is a pool or a transaction.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// runner runs named statements in a pool or a transaction.
type runner struct {
	text map[string]string
	db   queryer
}

func (s *Store) reader() runner { return runner{s.text, s.read} }

func (r runner) statement(name string) (string, error) {
	text, ok := r.text[name]
	if !ok {
		return "", fmt.Errorf("cannot find the statement %q", name)
	}
	return text, nil
}

// exec returns how many rows were touched.
func (r runner) exec(ctx context.Context, name string, args ...any) (int64, error) {
	text, err := r.statement(name)
	if err != nil {
		return 0, err
	}
	result, err := r.db.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, fmt.Errorf("cannot run %s: %w", name, err)
	}
	return result.RowsAffected()
}

// each calls visit for every row; visit must call scan once.
func (r runner) each(ctx context.Context, name string, args []any, visit func(scan func(...any) error) error) error {
	text, err := r.statement(name)
	if err != nil {
		return err
	}
	return r.query(ctx, name, text, args, visit)
}

func (r runner) query(ctx context.Context, name, text string, args []any, visit func(scan func(...any) error) error) (err error) {
	rows, err := r.db.QueryContext(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err = visit(rows.Scan); err != nil {
			return fmt.Errorf("cannot read %s: %w", name, err)
		}
	}
	if err = rows.Err(); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	return nil
}

// one reads at most one row and tells whether there was one.
func (r runner) one(ctx context.Context, name string, args []any, into ...any) (found bool, err error) {
	err = r.each(ctx, name, args, func(scan func(...any) error) error {
		found = true
		return scan(into...)
	})
	return found, err
}

// rowsAtOnce is how many rows one statement is given: more of them save little,
// and a database remembers the texts of statements by their length.
const rowsAtOnce = 100

// many runs a statement for any number of rows, a hundred at a time, and calls
// visit for every row that it returns. What the statement has between /*rows*/
// and /*end*/ is repeated for each row, whose own values are #1, #2 and so on;
// $1, $2 are those that all share.
func (r runner) many(ctx context.Context, name string, shared []any, rows [][]any, visit func(scan func(...any) error) error) error {
	text, err := r.statement(name)
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		n := min(rowsAtOnce, len(rows))
		args := slices.Clone(shared)
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if err = r.query(ctx, name, repeated(text, len(shared), len(rows[0]), n), args, visit); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// repeated is a statement's text for n rows of some width.
func repeated(text string, shared, width, n int) string {
	before, rest, _ := strings.Cut(text, "/*rows*/")
	each, after, _ := strings.Cut(rest, "/*end*/")
	parts := strings.Split(each, "#")
	var b strings.Builder
	b.WriteString(before)
	for row := range n {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteString(parts[0])
		for _, part := range parts[1:] {
			digits := len(part) - len(strings.TrimLeft(part, "0123456789"))
			own, _ := strconv.Atoi(part[:digits])
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(shared + row*width + own))
			b.WriteString(part[digits:])
		}
	}
	b.WriteString(after)
	return b.String()
}

// column makes rows of one value each.
func column[T any](values []T, of func(T) any) [][]any {
	rows := make([][]any, len(values))
	for i, v := range values {
		rows[i] = []any{of(v)}
	}
	return rows
}

// tx is a writing transaction.
type tx struct {
	runner
	now     schema.Millis
	changed bool
}

// serial hands out the next number of a table, in the order of commits.
func (t *tx) serial(ctx context.Context, name string) (int64, error) {
	var n int64
	found, err := t.one(ctx, "serial_next", []any{name}, &n)
	if err == nil && !found {
		err = fmt.Errorf("cannot number a row: no serial %q", name)
	}
	return n, err
}

// change notes that the Directory must be read anew everywhere.
func (t *tx) change(ctx context.Context, workspace uint32, what string) error {
	seq, err := t.serial(ctx, "changes")
	if err != nil {
		return err
	}
	t.changed = true
	_, err = t.exec(ctx, "change_insert", seq, int64(t.now), int64(workspace), what)
	return err
}

// audit notes who did what. Subjects name things by their number or kind, never
// a person by their data.
func (t *tx) audit(ctx context.Context, who Principal, action, subject string) error {
	id, err := t.serial(ctx, "audit_log")
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "audit_insert", id, int64(who.Workspace), int64(t.now), who.User, action, subject)
	return err
}

// update runs fn in a transaction. After a commit that changed what the
// Directory shows, this process's Directory is read before update returns; if
// that read fails, the follower repeats it.
func (s *Store) update(ctx context.Context, op string, fn func(t *tx) error) error {
	sqlTx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return failed(op, err)
	}
	t := &tx{runner: runner{s.text, sqlTx}, now: s.clock()}
	if err = fn(t); err != nil {
		return failed(op, errors.Join(err, sqlTx.Rollback()))
	}
	if err = sqlTx.Commit(); err != nil {
		return failed(op, err)
	}
	if t.changed {
		s.directory.note(s.directory.refresh(ctx))
	}
	return nil
}

// failed gives an error its operation, and words when it has none.
func failed(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *schema.Error
	if errors.As(err, &known) {
		return &schema.Error{Op: op, Kind: known.Kind, Text: known.Text, Err: known.Err}
	}
	e := schema.E(op, schema.KindUnavailable, "The settings database did not answer as it should. Nothing was changed; try again, and tell the operator if it stays.")
	e.Err = err
	return e
}
