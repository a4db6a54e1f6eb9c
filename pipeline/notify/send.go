package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"sourceloop/control"
	"sourceloop/control/outbound"
	"sourceloop/pipeline/failpoint"
	"sourceloop/schema"
)

const (
	// receiversAtOnce bounds how many receivers are sent to side by side.
	receiversAtOnce = 64
	// perTurn is how many deliveries a receiver gets in one turn, one after another.
	perTurn = 64
	// patience is how long a receiver may take for one, its answer included.
	patience = 10 * time.Second
	// turnLease outlasts a turn in which most of them are answered; of one that is
	// longer, the rest is somebody's next turn.
	turnLease = 5 * time.Minute
	// restAfterFailure is how long a receiver that cannot be reached is left alone,
	// whatever else waits for it.
	restAfterFailure = 5 * time.Second
	// maxAnswer bounds what is read of an answer, so that its connection can be used again.
	maxAnswer = 16 << 10
)

// Deliveries keeps what is to be sent; *control.Store does.
type Deliveries interface {
	TakeTurns(ctx context.Context, limit int, lease time.Duration) ([]control.SendTurn, error)
	ReleaseTurn(ctx context.Context, turn control.SendTurn, rest time.Duration) error
	DueDeliveries(ctx context.Context, turn control.SendTurn, limit int) ([]control.Delivery, error)
	BeginDelivery(ctx context.Context, turn control.SendTurn, id schema.ID) (mine bool, err error)
	EndDelivery(ctx context.Context, turn control.SendTurn, d control.Delivery, r control.DeliveryResult) error
}

// SenderConfig is what a Sender needs.
type SenderConfig struct {
	Deliveries Deliveries
	Leads      Leads
	Guard      outbound.Guard // where requests may go
	Registerer prometheus.Registerer
	// Every is how often what is due is looked for. Default 500 ms.
	Every time.Duration
	// Now is the clock. Default time.Now.
	Now  func() time.Time
	Log  *slog.Logger
	Fail failpoint.Reach // for tests
}

// Sender sends what is due. Receivers are taken under a lease, so that any
// number of processes can have one.
type Sender struct {
	config   SenderConfig
	client   *http.Client
	attempts *prometheus.CounterVec
	slots    chan struct{}
}

// NewSender makes one and registers its metrics.
func NewSender(config SenderConfig) *Sender {
	if config.Every <= 0 {
		config.Every = 500 * time.Millisecond
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sender{
		config: config, slots: make(chan struct{}, receiversAtOnce),
		client: &http.Client{
			Timeout: patience, Transport: config.Guard.Transport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sourceloop_webhook_attempts_total", Help: "Attempts to send a webhook, by what became of the delivery.",
		}, []string{"state"}),
	}
	config.Registerer.MustRegister(s.attempts)
	return s
}

// Run works until ctx ends, and then lets what is under way end.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(s.config.Every)
	defer tick.Stop()
	var turns sync.WaitGroup
	defer turns.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.begin(ctx, &turns); err != nil && ctx.Err() == nil {
			s.config.Log.Warn("webhooks that are due could not be taken; trying again", "error", err)
		}
	}
}

// begin takes as many receivers as there is room for. A slow one holds up
// nobody but itself.
func (s *Sender) begin(ctx context.Context, turns *sync.WaitGroup) error {
	free := cap(s.slots) - len(s.slots)
	if free == 0 {
		return nil
	}
	taken, err := s.config.Deliveries.TakeTurns(ctx, free, turnLease)
	for _, turn := range taken {
		s.slots <- struct{}{}
		turns.Go(func() {
			defer func() { <-s.slots }()
			if err := s.serve(ctx, turn); err != nil && ctx.Err() == nil {
				s.config.Log.Warn("a webhook could not be served; trying again", "webhook", turn.Endpoint, "error", err)
			}
		})
	}
	return err
}

// serve sends what is due to one receiver, and leaves off at the first that
// does not reach it.
func (s *Sender) serve(ctx context.Context, turn control.SendTurn) (err error) {
	rest := time.Duration(0)
	defer func() {
		if err != nil {
			rest = restAfterFailure
		}
		err = errors.Join(err, s.config.Deliveries.ReleaseTurn(context.WithoutCancel(ctx), turn, rest))
	}()
	due, err := s.config.Deliveries.DueDeliveries(ctx, turn, perTurn)
	for i := range due {
		if err != nil || ctx.Err() != nil || rest > 0 {
			return err
		}
		rest, err = s.deliver(ctx, turn, due[i])
	}
	return err
}

// deliver makes one attempt, and says how long the receiver is to be left alone.
func (s *Sender) deliver(ctx context.Context, turn control.SendTurn, d control.Delivery) (rest time.Duration, err error) {
	body, print, err := s.body(ctx, turn, d)
	if err != nil {
		return 0, err
	}
	if body == nil {
		return 0, s.end(ctx, turn, d, control.DeliveryResult{State: control.DeliveryCancelled, Words: "Not sent: the contact is not there any more."})
	}
	mine, err := s.config.Deliveries.BeginDelivery(ctx, turn, d.ID)
	if err != nil || !mine {
		return 0, err
	}
	if err = s.config.Fail.At("notify.before-send"); err != nil {
		return 0, err
	}
	a := s.post(ctx, turn, d, body)
	if a.status == 0 && ctx.Err() != nil {
		return 0, ctx.Err() // This process is about to end: somebody else tries again.
	}
	if err = s.config.Fail.At("notify.after-send"); err != nil {
		return 0, err
	}
	r := verdict(a, d.Attempts+1)
	r.Fingerprint = print
	if a.status == 0 {
		rest = restAfterFailure
	}
	return rest, s.end(ctx, turn, d, r)
}

func (s *Sender) end(ctx context.Context, turn control.SendTurn, d control.Delivery, r control.DeliveryResult) error {
	s.attempts.WithLabelValues(string(r.State)).Inc()
	return s.config.Deliveries.EndDelivery(context.WithoutCancel(ctx), turn, d, r)
}

// message is what a receiver reads.
type message struct {
	Type      string          `json:"type"`
	Timestamp string          `json:"timestamp"` // when it happened
	Data      json.RawMessage `json:"data"`
}

// body makes what is sent, and stands for what the receiver sees by it; nil when
// the contact is gone, or a lead no more.
func (s *Sender) body(ctx context.Context, turn control.SendTurn, d control.Delivery) (body []byte, print schema.ID, err error) {
	m := message{Type: d.Event, Timestamp: d.CreatedAt.Time().UTC().Format("2006-01-02T15:04:05.000Z")}
	if d.Event == control.WebhookTest {
		m.Data = json.RawMessage(`{"message":"SourceLoop reaches this receiver. It is about nobody."}`)
	} else {
		leads, err := s.config.Leads.Leads(ctx, turn.Workspace, []schema.ID{d.Contact})
		if err != nil || len(leads) == 0 {
			return nil, print, err
		}
		m.Data, print = leads[0].Data, leads[0].fingerprint()
	}
	body, err = json.Marshal(m)
	return body, print, err
}

// post sends one, signed with every secret that holds now.
func (s *Sender) post(ctx context.Context, turn control.SendTurn, d control.Delivery, body []byte) answer {
	now := s.config.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, turn.URL, bytes.NewReader(body))
	if err != nil {
		return answer{failed: "its address cannot be read"}
	}
	signatures, err := sign(turn.Secrets, d.ID.String(), now, body)
	if err != nil {
		return answer{failed: "its secret cannot be opened with the keys at hand; renew it"}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "SourceLoop-Webhooks/1")
	request.Header.Set(standardwebhooks.HeaderWebhookID, d.ID.String())
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signatures)
	response, err := s.client.Do(request)
	if err != nil {
		return answer{failed: reason(err)}
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // What it says is nobody's business.
	return answer{status: response.StatusCode, asked: retryAfter(response.Header.Get("Retry-After"), now)}
}

func sign(secrets []string, id string, at time.Time, body []byte) (string, error) {
	if len(secrets) == 0 {
		return "", errors.New("cannot sign: no secret opens")
	}
	var all []string
	for _, secret := range secrets {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return "", errors.New("cannot sign: the secret is not base64")
		}
		signature, err := w.Sign(id, at, body)
		if err != nil {
			return "", fmt.Errorf("cannot sign: %w", err)
		}
		all = append(all, signature)
	}
	return strings.Join(all, " "), nil
}

// reason says why there was no answer, without the address.
func reason(err error) string {
	var timeout interface{ Timeout() bool }
	var name *net.DNSError
	switch {
	case errors.Is(err, outbound.ErrPrivate):
		return "its name leads into a private network, where this server sends nothing"
	case errors.As(err, &name):
		return "DNS knows no address of its name, or did not answer"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer within ten seconds"
	}
	root := err
	for next := errors.Unwrap(root); next != nil; next = errors.Unwrap(root) {
		root = next
	}
	return strings.TrimSuffix(root.Error(), ".")
}
