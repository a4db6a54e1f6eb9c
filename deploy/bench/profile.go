package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// profileSeconds is how long a profile looks at the product. A turn that is shorter is seen as a part of it.
const profileSeconds = 12

// profile looks at where the product spends its processor time from now on, when the operator asked for profiles, and
// writes it to a file of this name. The returned function waits for the end of it.
func (p *product) profile(ctx context.Context, name string) (wait func() error) {
	if p.debug == "" {
		return func() error { return nil }
	}
	ended := make(chan error, 1)
	go func() {
		ended <- p.fetchProfile(ctx, "profile?seconds="+strconv.Itoa(profileSeconds), name+".cpu.pprof")
	}()
	return func() error {
		if err := <-ended; err != nil {
			return err
		}
		return p.fetchProfile(ctx, "allocs", name+".allocs.pprof")
	}
}

func (p *product) fetchProfile(ctx context.Context, what, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.debug+"/debug/pprof/"+what, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return p.failure(err)
	}
	defer response.Body.Close()
	f, err := os.Create(filepath.Join(p.profiles, file))
	if err != nil {
		return fmt.Errorf("cannot keep a profile: %w", err)
	}
	if _, err := io.Copy(f, response.Body); err != nil {
		return p.failure(err)
	}
	return f.Close()
}
