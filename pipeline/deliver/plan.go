package deliver

import (
	"sourceloop/control"
	"sourceloop/schema"
)

// plan says which conversions go where: each that stands to the destinations
// that send on the conversion, and to those that send by a stage when a push is
// there already, so that it follows its contact.
func plan(destinations []control.Destination, standing []schema.Standing, there []control.Push) []control.Push {
	known := make(map[schema.ID]*control.Push, len(there))
	for i := range there {
		known[there[i].ID] = &there[i]
	}
	var pushes []control.Push
	for i := range standing {
		c := &standing[i]
		for k := range destinations {
			d := &destinations[k]
			if c.Deleted || !d.Sends(c.Name) {
				continue
			}
			p := planned(d, c, c.At, "")
			if d.Trigger == control.OnStage {
				was := known[p.ID]
				if was == nil || was.Stage == "" {
					continue
				}
				p.At, p.Stage = was.At, was.Stage
			} else if c.At < d.From {
				continue
			}
			pushes = append(pushes, p)
		}
	}
	return pushes
}

// planned is a push of a conversion to a destination.
func planned(d *control.Destination, c *schema.Standing, at schema.Millis, stage string) control.Push {
	return control.Push{
		ID: d.PushID(c.ID), Workspace: d.Workspace, Destination: d.ID, Conversion: c.ID, Contact: c.Contact, ConversionName: c.Name,
		At: at, Stage: stage, State: schema.PushPending,
	}
}

// reached finds the conversion for which a stage fires: the newest that the
// destination sends and that had happened by then. nil when there is none.
func reached(d *control.Destination, standing []schema.Standing, contact schema.ID, at schema.Millis) *schema.Standing {
	var newest *schema.Standing
	for i := range standing {
		c := &standing[i]
		if c.Deleted || c.Contact != contact || c.At > at || !d.Sends(c.Name) {
			continue
		}
		if newest == nil || c.At > newest.At || c.At == newest.At && c.ID.Compare(newest.ID) > 0 {
			newest = c
		}
	}
	return newest
}
