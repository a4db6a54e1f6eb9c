// Package walk is a person with a browser, without the browser: it connects a
// provider as somebody does who clicks through the pages. For the demo and for
// programs that set a product up to be tried.
package walk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/publicsuffix"

	"sourceloop/schema"
)

// Walker signs in, opens the connect link, and submits the form of the consent
// page.
type Walker struct {
	client *http.Client
	url    string
}

// New makes a walker with an empty cookie jar; base is the address of the
// dashboard.
func New(base string) (*Walker, error) {
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		return nil, fmt.Errorf("cannot make a cookie jar: %w", err)
	}
	return &Walker{url: base, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}, nil
}

// AwaitReady waits until the product says that it can do its work.
func (w *Walker) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := w.do(ctx, http.MethodGet, w.url+"/readyz", "", nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot go on, %s does not become ready: %w", w.url, err)
		case <-tick.C:
		}
	}
}

// Connect walks through the OAuth pages of a provider until its card says
// connected.
func (w *Walker) Connect(ctx context.Context, provider, email, password string) error {
	if err := w.signIn(ctx, email, password); err != nil {
		return err
	}
	state, err := w.state(ctx, provider)
	if err != nil || state == "connected" {
		return err
	}
	consent, err := w.do(ctx, http.MethodGet, w.url+"/connect/"+provider+"/start", "", nil)
	if err != nil {
		return fmt.Errorf("cannot open the consent page of %s: %w", provider, err)
	}
	target, fields, err := consentForm(consent.page, consent.at)
	if err != nil {
		return err
	}
	if _, err := w.do(ctx, http.MethodPost, target, "application/x-www-form-urlencoded", []byte(fields.Encode())); err != nil {
		return fmt.Errorf("cannot authorize at %s: %w", provider, err)
	}
	return w.awaitConnected(ctx, provider)
}

func (w *Walker) signIn(ctx context.Context, email, password string) error {
	body, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return fmt.Errorf("cannot encode the sign-in: %w", err)
	}
	if _, err := w.do(ctx, http.MethodPost, w.url+"/api/v1/sign-in", "application/json", body); err != nil {
		return fmt.Errorf("cannot sign in: %w", err)
	}
	return nil
}

func (w *Walker) state(ctx context.Context, provider string) (string, error) {
	for _, list := range []string{"/api/v1/connections", "/api/v1/ads"} {
		answer, err := w.do(ctx, http.MethodGet, w.url+list, "", nil)
		if err != nil {
			return "", fmt.Errorf("cannot read the connections: %w", err)
		}
		var cards struct {
			Items []struct{ Provider, Platform, State string }
		}
		if err := json.Unmarshal(answer.page, &cards); err != nil {
			return "", fmt.Errorf("cannot read the connections: %w", err)
		}
		for _, card := range cards.Items {
			if card.Provider+card.Platform == provider {
				return card.State, nil
			}
		}
	}
	return "", nil
}

func (w *Walker) awaitConnected(ctx context.Context, provider string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		state, err := w.state(ctx, provider)
		if err != nil {
			return err
		}
		if state == "connected" {
			return nil
		}
		select {
		case <-ctx.Done():
			return schema.E("connect", schema.KindUnavailable,
				"%s does not say Connected but %q after a minute. Look at Setup → Chat.", provider, state)
		case <-tick.C:
		}
	}
}

type answer struct {
	at   *url.URL // where redirects led
	page []byte
}

func (w *Walker) do(ctx context.Context, method, target, contentType string, body []byte) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 400 {
		return nil, fmt.Errorf("%s answered %s", response.Request.URL.Path, response.Status)
	}
	return &answer{at: response.Request.URL, page: page}, nil
}

// consentForm finds the form with the button that agrees and what pressing it
// sends.
func consentForm(page []byte, at *url.URL) (target string, fields url.Values, err error) {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return "", nil, fmt.Errorf("cannot read the consent page: %w", err)
	}
	for n := range root.Descendants() {
		if n.DataAtom != atom.Form {
			continue
		}
		if fields, ok := pressAuthorize(n); ok {
			action, err := at.Parse(attribute(n, "action"))
			if err != nil {
				return "", nil, fmt.Errorf("cannot read the consent form's address: %w", err)
			}
			return action.String(), fields, nil
		}
	}
	return "", nil, schema.E("connect", schema.KindInternal, "The page at %s has no button that agrees.", at.Path)
}

func pressAuthorize(form *html.Node) (url.Values, bool) {
	fields, pressed := url.Values{}, false
	for n := range form.Descendants() {
		switch n.DataAtom {
		case atom.Input:
			if name := attribute(n, "name"); name != "" {
				fields.Add(name, attribute(n, "value")) // Boxes to tick share a name, and come ticked.
			}
		case atom.Button:
			if !agrees(strings.TrimSpace(text(n))) {
				continue
			}
			pressed = true
			if name := attribute(n, "name"); name != "" {
				fields.Set(name, attribute(n, "value"))
			}
		}
	}
	return fields, pressed
}

// agrees tells the buttons of Intercom, HubSpot and the advertising platforms.
func agrees(label string) bool {
	return strings.Contains(label, "Authorize access") || strings.Contains(label, "Connect app") || label == "Allow"
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}
