package clickhouse

import (
	"context"
	"errors"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2"

	"sourceloop/schema"
)

// ErrClosed is returned by a sink that was closed.
var ErrClosed = errors.New("the ClickHouse sink is closed")

// explain turns an error of the server or the network into one that says what
// to do. All kinds but KindInternal mean: the same call may succeed later.
func explain(op string, err error) error {
	if err == nil || errors.Is(err, ErrClosed) {
		return err
	}
	kind, text := schema.KindUnavailable, "ClickHouse can't be reached or broke off; nothing is lost, the same rows are written again when it is back"
	if code, ok := exceptionCode(err); ok {
		kind, text = ofException(code)
	} else if errors.Is(err, context.Canceled) {
		text = "the work was called off before ClickHouse answered; the same rows are written again"
	}
	e := schema.E(op, kind, "%s", text)
	e.Err = err
	return e
}

func ofException(code proto.Error) (schema.Kind, string) {
	switch code {
	case proto.ErrTooManyParts:
		return schema.KindUnavailable, "ClickHouse has too many unmerged parts and refuses inserts for now; it needs time to merge, so write less often and more at once"
	case proto.ErrMemoryLimitExceeded, proto.ErrTooManySimultaneousQueries, proto.ErrTimeoutExceeded:
		return schema.KindUnavailable, "ClickHouse is overloaded; later, or with more memory, the same call will succeed"
	case proto.ErrNotEnoughSpace, proto.ErrTableIsReadOnly:
		return schema.KindUnavailable, "ClickHouse can't write: its disk is full or its table is read-only; free space and it goes on"
	case proto.ErrUnknownTable, proto.ErrUnknownDatabase:
		return schema.KindInternal, "ClickHouse lacks a table: its migrations have not run in this database"
	default:
		return schema.KindInternal, "ClickHouse refused the statement"
	}
}

func exceptionCode(err error) (proto.Error, bool) {
	if e, ok := ch.AsException(err); ok {
		return e.Code, true
	}
	var e *driver.Exception
	if errors.As(err, &e) {
		return proto.Error(e.Code), true
	}
	return 0, false
}
