package api

import (
	"context"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	"sourceloop/control"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// Addresses says whether a request may go to an address that somebody typed,
// in words when not.
type Addresses interface {
	Check(ctx context.Context, address string) error
}

// ListWebhooks gives the receivers of outgoing webhooks.
func (s *service) ListWebhooks(ctx context.Context, _ ListWebhooksRequestObject) (ListWebhooksResponseObject, error) {
	all, err := s.Store.Endpoints(ctx, callerOf(ctx).Principal)
	if err != nil {
		return nil, err
	}
	list := ListWebhooks200JSONResponse{Items: make([]Webhook, 0, len(all)), Most: control.MostEndpoints}
	for _, e := range all {
		list.Items = append(list.Items, webhookOf(e))
	}
	return list, nil
}

func webhookOf(e control.Endpoint) Webhook {
	w := Webhook{
		Id: endpointText(e.ID), Name: e.Name, Url: e.URL, State: WebhookState(e.State), Words: e.Words,
		CreatedAt: Moment(e.CreatedAt), FormerSecretUntil: moment(e.FormerUntil), FailingSince: moment(e.FailingSince),
		Waiting: e.Waiting, Failed: e.Failed, Events: make([]WebhookEvent, 0, len(e.Events)),
	}
	for _, event := range e.Events {
		w.Events = append(w.Events, WebhookEvent(event))
	}
	return w
}

// endpoint reads what was asked for, and holds its address against what this
// server may reach.
func (s *service) endpoint(ctx context.Context, in *WebhookInput) (control.Endpoint, error) {
	e := control.Endpoint{Name: in.Name, URL: in.Url}
	for _, event := range in.Events {
		e.Events = append(e.Events, string(event))
	}
	return e, s.Addresses.Check(ctx, in.Url)
}

// CreateWebhook makes a receiver and shows its secret once.
func (s *service) CreateWebhook(ctx context.Context, in CreateWebhookRequestObject) (CreateWebhookResponseObject, error) {
	e, err := s.endpoint(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	made, secret, err := s.Store.CreateEndpoint(ctx, callerOf(ctx).Principal, e)
	return CreateWebhook201JSONResponse{Webhook: webhookOf(made), Secret: secret}, err
}

func endpointText(id int64) string { return strconv.FormatInt(id, 10) }

// endpointID reads the number of a receiver; one that cannot be is nobody's.
func endpointID(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (s *service) webhook(ctx context.Context, id int64) (Webhook, error) {
	e, err := s.Store.Endpoint(ctx, callerOf(ctx).Principal, id)
	return webhookOf(e), err
}

// UpdateWebhook changes a receiver.
func (s *service) UpdateWebhook(ctx context.Context, in UpdateWebhookRequestObject) (UpdateWebhookResponseObject, error) {
	e, err := s.endpoint(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	e.ID = endpointID(in.Id)
	if err = s.Store.UpdateEndpoint(ctx, callerOf(ctx).Principal, e); err != nil {
		return nil, err
	}
	w, err := s.webhook(ctx, e.ID)
	return UpdateWebhook200JSONResponse(w), err
}

// DeleteWebhook ends a receiver.
func (s *service) DeleteWebhook(ctx context.Context, in DeleteWebhookRequestObject) (DeleteWebhookResponseObject, error) {
	return DeleteWebhook204Response{}, s.Store.DeleteEndpoint(ctx, callerOf(ctx).Principal, endpointID(in.Id))
}

// PauseWebhook stops sending, or goes on.
func (s *service) PauseWebhook(ctx context.Context, in PauseWebhookRequestObject) (PauseWebhookResponseObject, error) {
	id := endpointID(in.Id)
	if err := s.Store.PauseEndpoint(ctx, callerOf(ctx).Principal, id, in.Body.Paused); err != nil {
		return nil, err
	}
	w, err := s.webhook(ctx, id)
	return PauseWebhook200JSONResponse(w), err
}

// RotateWebhookSecret gives a receiver a new secret.
func (s *service) RotateWebhookSecret(ctx context.Context, in RotateWebhookSecretRequestObject) (RotateWebhookSecretResponseObject, error) {
	id := endpointID(in.Id)
	secret, err := s.Store.RotateEndpoint(ctx, callerOf(ctx).Principal, id)
	if err != nil {
		return nil, err
	}
	w, err := s.webhook(ctx, id)
	return RotateWebhookSecret200JSONResponse{Webhook: w, Secret: secret}, err
}

// TestWebhook sends a receiver something about nobody.
func (s *service) TestWebhook(ctx context.Context, in TestWebhookRequestObject) (TestWebhookResponseObject, error) {
	d, err := s.Store.TestEndpoint(ctx, callerOf(ctx).Principal, endpointID(in.Id))
	return TestWebhook202JSONResponse(deliveryOf(d)), err
}

func deliveryOf(d control.Delivery) Delivery {
	out := Delivery{
		Id: d.ID.String(), Event: d.Event, State: DeliveryState(d.State), Attempts: d.Attempts, Status: d.Status, Words: d.Words,
		CreatedAt: Moment(d.CreatedAt), UpdatedAt: Moment(d.UpdatedAt),
	}
	if d.State == control.DeliveryPending {
		out.Due = moment(d.Due)
	}
	if !d.Contact.IsZero() {
		out.Contact = d.Contact.String()
	}
	return out
}

// ListDeliveries gives a page of a receiver's log.
func (s *service) ListDeliveries(ctx context.Context, in ListDeliveriesRequestObject) (ListDeliveriesResponseObject, error) {
	who, limit := callerOf(ctx), 50
	if in.Params.Limit != nil {
		limit = *in.Params.Limit
	}
	about := []string{"deliveries", strconv.FormatUint(uint64(who.Workspace), 10), in.Id}
	cursor, err := s.openCursor(text(in.Params.Cursor), about)
	if err != nil {
		return nil, err
	}
	before, err := deliveryAt(cursor)
	if err != nil {
		return nil, err
	}
	all, err := s.Store.Deliveries(ctx, who.Principal, endpointID(in.Id), before, limit+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(all) > limit {
		last := all[limit-1]
		next, all = fmt.Sprintf("%d %s", last.CreatedAt, last.ID), all[:limit]
	}
	list := ListDeliveries200JSONResponse{Items: make([]Delivery, 0, len(all)), Next: s.sealCursor(next, about)}
	for _, d := range all {
		list.Items = append(list.Items, deliveryOf(d))
	}
	return list, nil
}

// deliveryAt reads a cursor of ours: nil for the first page.
func deliveryAt(cursor string) (*control.Delivery, error) {
	if cursor == "" {
		return nil, nil
	}
	var d control.Delivery
	var id string
	if _, err := fmt.Sscanf(cursor, "%d %s", (*int64)(&d.CreatedAt), &id); err != nil {
		return nil, fmt.Errorf("cannot read a cursor of our own: %w", err)
	}
	var err error
	d.ID, err = schema.ParseID(id)
	return &d, err
}

// ReplayDelivery sends one delivery again.
func (s *service) ReplayDelivery(ctx context.Context, in ReplayDeliveryRequestObject) (ReplayDeliveryResponseObject, error) {
	id, err := schema.ParseID(in.Delivery)
	if err != nil {
		id = schema.ID{} // Nobody's.
	}
	return ReplayDelivery204Response{}, s.Store.ReplayDelivery(ctx, callerOf(ctx).Principal, endpointID(in.Id), id)
}

// ReplayFailedDeliveries sends everything again that failed since a moment.
func (s *service) ReplayFailedDeliveries(ctx context.Context, in ReplayFailedDeliveriesRequestObject) (ReplayFailedDeliveriesResponseObject, error) {
	n, err := s.Store.ReplayFailed(ctx, callerOf(ctx).Principal, endpointID(in.Id), schema.Millis(in.Body.Since))
	return ReplayFailedDeliveries202JSONResponse{Replayed: n}, err
}

// announce has what is made of a contact elsewhere looked at anew, since its
// stage is known to the settings alone.
func (s *service) announce(ctx context.Context, workspace uint32, c *report.Contact) error {
	value, err := proto.Marshal(&schema.CreditedRecord{Workspace: workspace, At: int64(schema.MillisOf(s.Now())), Contacts: [][]byte{c.ID[:]}})
	if err != nil {
		return fmt.Errorf("cannot encode what was looked at: %w", err)
	}
	if err = s.Leads.Append(ctx, schema.TopicCredited, [][]byte{schema.LeadKey(workspace)}, [][]byte{value}); err != nil {
		e := schema.E("set the stage", schema.KindUnavailable, "The stage is saved, but receivers of webhooks may not hear of it. Set it again.")
		e.Err = err
		return e
	}
	return nil
}
