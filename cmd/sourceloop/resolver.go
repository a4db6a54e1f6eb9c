package main

import (
	"context"

	"sourceloop/control/connect"
	"sourceloop/control/connect/hubspot"
	"sourceloop/control/connect/intercom"
	"sourceloop/pipeline/enrich"
	"sourceloop/pipeline/identity"
	"sourceloop/pipeline/resolve"
	"sourceloop/schema"
)

// resolvers finds the resolver of a webhook's provider.
type resolvers map[string]resolve.Resolver

// Resolve asks the provider that the webhook came from.
func (r resolvers) Resolve(ctx context.Context, rec *schema.WebhookRecord) (*resolve.Result, error) {
	resolver, ok := r[rec.GetProvider()]
	if !ok {
		return nil, schema.E("resolve a webhook", schema.KindInvalid, "The provider %q is not set up here.", rec.GetProvider())
	}
	return resolver.Resolve(ctx, rec)
}

// resolver makes the resolvers of the providers that are set up here, and what
// looks through those that can be looked through.
func (n *node) resolver() (resolvers, map[string]resolve.Lister, error) {
	all, listers := resolvers{}, map[string]resolve.Lister{}
	if n.intercom != nil {
		r, err := resolve.NewIntercom(resolve.IntercomConfig{
			Access: connect.NewAccess(intercom.Name, n.connect.Tokens(), n.intercom.APIBase), Identity: identity.Rules{},
			Failed: n.control.MarkFailed, Seen: n.control.NoteEvent, CleanURL: enrich.Redact,
			InboxURL: n.config.settings.Intercom.InboxURL, Region: n.region,
		})
		if err != nil {
			return nil, nil, err
		}
		all[intercom.Name], listers[intercom.Name] = r, r
	}
	if n.hubspot != nil {
		r, err := resolve.NewHubSpot(resolve.HubSpotConfig{
			Access: connect.NewAccess(hubspot.Name, n.connect.Tokens(), n.hubspot.APIBase), Identity: identity.Rules{},
			Failed: n.control.MarkFailed, Doubt: n.connect.Doubt, Seen: n.control.NoteEvent, Erase: n.control.EraseAsTold,
			InboxURL: n.config.settings.HubSpot.InboxURL,
		})
		if err != nil {
			return nil, nil, err
		}
		all[hubspot.Name], listers[hubspot.Name] = r, r
	}
	return all, listers, nil
}

// region is where a connection's workspace is hosted, as far as is known.
func (n *node) region(ctx context.Context, connection int64) string {
	c, err := n.control.Connection(ctx, connection)
	if err != nil {
		return ""
	}
	return c.Region
}
