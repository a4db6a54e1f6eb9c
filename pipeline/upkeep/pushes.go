package upkeep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sourceloop/control"
	"sourceloop/schema"
)

// erasePushes forgets what was to be sent to advertising platforms of a person,
// and notes what was sent. It comes before their conversions are deleted, by
// which pushes are found that were sent while they were another contact's.
func (k *Keeper) erasePushes(ctx context.Context, task *control.Task) ([]string, error) {
	pushes, err := k.forgetPushes(ctx, task, true)
	task.Progress.Receipt = pushes
	return nil, err
}

// forgetPushes tells in words what was done.
func (k *Keeper) forgetPushes(ctx context.Context, task *control.Task, conversions bool) ([]string, error) {
	work, err := k.config.Store.ErasureWork(ctx, task)
	if err != nil {
		return nil, err
	}
	contacts := make([]schema.ID, len(work.GetContacts()))
	for i, b := range work.GetContacts() {
		contacts[i] = schema.ID(b)
	}
	var theirs []schema.ID
	if conversions && len(contacts) > 0 {
		if theirs, err = k.config.People.Conversions(ctx, task.Workspace, contacts); err != nil {
			return nil, err
		}
	}
	erased, err := k.config.Store.ErasePushes(ctx, task.Workspace, contacts, theirs)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, platform := range slices.Sorted(maps.Keys(erased)) {
		lines = append(lines, pushWords(platform, erased[platform]))
	}
	return lines, nil
}

// shownPushes bounds how many ids a line of the receipt names.
const shownPushes = 50

// pushWords say what was done at a platform, and what is left to do there.
func pushWords(platform string, e control.ErasedPushes) string {
	title, where := platform, "its id there"
	switch platform {
	case "google":
		title, where = "Google Ads", "the transaction id"
	case "meta":
		title, where = "Meta", "the event id"
	case "linkedin":
		title, where = "LinkedIn", "the event id"
	}
	words := fmt.Sprintf("%s: %d conversions that waited were removed and are never sent.", title, e.Removed)
	if len(e.Sent) == 0 {
		return words
	}
	var ids []string
	for _, id := range e.Sent[:min(len(e.Sent), shownPushes)] {
		ids = append(ids, id.String())
	}
	slices.Sort(ids)
	more := ""
	if n := len(e.Sent) - len(ids); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return words + fmt.Sprintf(" %d were sent, or may have been, with hashes of the email and phone: the platform offers no way to take them back from here. "+
		"Ask its support to delete them, by %s: %s%s.", len(e.Sent), where, strings.Join(ids, ", "), more)
}
