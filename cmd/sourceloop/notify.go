package main

import (
	"context"
	"fmt"
	"time"

	"sourceloop/control"
	"sourceloop/control/outbound"
	"sourceloop/pipeline/notify"
	"sourceloop/pipeline/stream"
	"sourceloop/query/api"
	"sourceloop/query/report"
	"sourceloop/schema"
)

// settleWebhooks is how long a lead that changed waits for what belongs to it.
const settleWebhooks = 3 * time.Second

// guard says where requests may go that are sent to addresses of users.
func (n *node) guard() outbound.Guard {
	return outbound.Guard{Private: n.config.settings.PrivateWebhooks}
}

// startNotify tells receivers of leads.
func (n *node) startNotify() error {
	reader, err := report.New(n.clickhouseOptions(), 0)
	if err != nil {
		return err
	}
	n.onClose(reader.Close)
	leads := leadReader{reader, n.control}
	stager := &notify.Stager{Leads: leads, Plans: n.control, Dead: n.logs, Settle: settleWebhooks, Slog: n.log, Now: time.Now, Fail: n.reach}
	sender := notify.NewSender(notify.SenderConfig{
		Deliveries: n.control, Leads: leads, Guard: n.guard(), Registerer: n.registry, Log: n.log, Fail: n.reach,
	})
	n.runners = append(n.runners, sender.Run)
	n.consume(stream.GroupConfig{Name: groupNotify, Topic: schema.TopicCredited, Stage: notify.Stage, New: stager.New})
	return nil
}

// leadReader is what the API would say of contacts.
type leadReader struct {
	reports *report.Reader
	control *control.Store
}

func (r leadReader) Leads(ctx context.Context, workspace uint32, contacts []schema.ID) ([]notify.Lead, error) {
	w, ok := r.control.Directory().Workspace(workspace)
	if !ok {
		return nil, nil // It was made a moment ago, or never.
	}
	living, err := r.reports.For(w).Living(ctx, contacts)
	if err != nil || len(living) == 0 {
		return nil, err
	}
	stages, err := r.control.Stages(ctx, workspace)
	if err != nil {
		return nil, err
	}
	var leads []notify.Lead
	for i := range living {
		lead, ok := api.LeadOf(&living[i], stages)
		if !ok {
			continue
		}
		data, err := lead.JSON()
		if err != nil {
			return nil, fmt.Errorf("contact %s: %w", lead.Id, err)
		}
		leads = append(leads, notify.Lead{ID: living[i].ID, Former: living[i].Former, Since: lead.Since, Changed: lead.Changed, Data: data})
	}
	return leads, nil
}
