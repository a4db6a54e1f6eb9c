package collect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/klauspost/compress/gzip"
)

// maxBody is how large a body may be, before and after inflating.
const maxBody = 1 << 20

var (
	errTooLarge = errors.New("the body is larger than 1 MiB; send fewer hits at once")
	errEncoding = errors.New("the body must be plain or gzip")
	errGzip     = errors.New("the body is not valid gzip")
)

// body reads a request's body whole into a buffer of the batch, and inflates
// it. A beacon cannot say that it is gzip, so its first bytes tell too.
func (b *batch) readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	raw, err := readAll(&b.raw, r.Body)
	if err != nil {
		return nil, err
	}
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		if len(raw) < 2 || raw[0] != 0x1f || raw[1] != 0x8b {
			return raw, nil
		}
	case "gzip", "x-gzip":
	default:
		return nil, errEncoding
	}
	return b.inflate(raw)
}

func (b *batch) inflate(raw []byte) ([]byte, error) {
	if b.gzip == nil {
		b.gzip = new(gzip.Reader)
	}
	if err := b.gzip.Reset(bytes.NewReader(raw)); err != nil {
		return nil, errGzip
	}
	plain, err := readAll(&b.inflated, b.gzip)
	if err != nil && !errors.Is(err, errTooLarge) {
		return nil, errGzip
	}
	return plain, err
}

// readAll reads at most maxBody bytes into a buffer that is used again.
func readAll(into *[]byte, from io.Reader) ([]byte, error) {
	buf := (*into)[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := from.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		*into = buf
		switch {
		case len(buf) > maxBody:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, fmt.Errorf("cannot read the body: %w", err)
		}
	}
}
