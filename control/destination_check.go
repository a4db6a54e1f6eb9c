package control

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"sourceloop/schema"
)

const (
	maxDestinationName = 100 // characters
	maxConversions     = 50
)

var (
	onlyDigits = regexp.MustCompile(`^[0-9]{1,20}$`)
	currency   = regexp.MustCompile(`^[A-Z]{3}$`)
	// Meta's rule for names of events: letters, digits, spaces, - and _, at most
	// 50, the first a letter or digit.
	eventName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _-]{0,49}$`)
	testCode  = regexp.MustCompile(`^[A-Za-z0-9_-]{0,50}$`)
)

// settle brings what a person gave into the one form in which it is kept, or
// says what is wrong with it.
func (t *tx) settle(ctx context.Context, op string, d *Destination) error {
	refuse := func(format string, args ...any) error { return schema.E(op, schema.KindInvalid, format, args...) }
	for _, step := range []func(refuse func(string, ...any) error) error{d.settleTarget, d.settleWhat, d.settleValue} {
		if err := step(refuse); err != nil {
			return err
		}
	}
	if err := t.settleStages(ctx, op, d); err != nil {
		return err
	}
	if err := t.settleConnection(ctx, op, d); err != nil {
		return err
	}
	var other int64
	taken, err := t.one(ctx, "destination_target", []any{int64(d.Workspace), d.Platform, d.Account, d.Action, d.Event, d.ID}, &other)
	if err == nil && taken {
		err = schema.E(op, schema.KindConflict, "Another destination of this workspace sends there already, and the same conversion would be wanted there twice. Change that one, or choose another target.")
	}
	return err
}

func (d *Destination) settleTarget(refuse func(string, ...any) error) error {
	d.Account, d.Action = digitsOf(d.Account), digitsOf(d.Action)
	d.Event, d.TestCode = strings.TrimSpace(d.Event), strings.TrimSpace(d.TestCode)
	switch d.Platform {
	case "google":
		d.Account = strings.ReplaceAll(d.Account, "-", "")
		d.Event, d.TestCode = "", ""
		if !onlyDigits.MatchString(d.Account) || len(d.Account) != 10 {
			return refuse("The Google Ads customer id has ten digits, such as 123-456-7890. Google Ads shows it at the top right.")
		}
		if !onlyDigits.MatchString(d.Action) {
			return refuse("The conversion action is named by digits alone: open it in Google Ads and take the number behind ctId= in the address.")
		}
	case "meta":
		d.Account = ""
		if !onlyDigits.MatchString(d.Action) {
			return refuse("The dataset is named by digits alone. The Events Manager shows its id below its name.")
		}
		d.Event = cmp.Or(d.Event, DefaultEvent)
		if !eventName.MatchString(d.Event) {
			return refuse("Meta needs the name of the event, such as Lead: at most 50 letters, digits, spaces, - and _.")
		}
		if !testCode.MatchString(d.TestCode) {
			return refuse("The test event code is as the Events Manager shows it, such as TEST12345.")
		}
	case "linkedin":
		d.Event, d.TestCode = "", ""
		if d.Account != "" && !onlyDigits.MatchString(d.Account) {
			return refuse("The LinkedIn ad account is named by digits alone. The Campaign Manager shows them below its name.")
		}
		if !onlyDigits.MatchString(d.Action) {
			return refuse("The conversion rule is named by digits alone. Choose it from the list, or take the number from the Campaign Manager.")
		}
	default:
		return refuse("The platform must be google, meta or linkedin.")
	}
	return nil
}

// digitsOf takes the number out of what people copy: urn:li:sponsoredAccount:7.
func digitsOf(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, ':')+1:]
}

func (d *Destination) settleWhat(refuse func(string, ...any) error) error {
	d.ActionName = strings.TrimSpace(d.ActionName)
	d.Name = cmp.Or(strings.TrimSpace(d.Name), d.ActionName, d.Event, d.Action)
	if utf8.RuneCountInString(d.Name) > maxDestinationName || utf8.RuneCountInString(d.ActionName) > 200 {
		return refuse("The destination's name may have %d characters at most.", maxDestinationName)
	}
	names := []string{}
	for _, name := range d.Conversions {
		name = strings.TrimSpace(name)
		if name == "" || len(name) > 100 {
			return refuse("A conversion's name has 1 to 100 bytes.")
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	d.Conversions = names
	if len(names) > maxConversions {
		return refuse("A destination may name %d conversions at most.", maxConversions)
	}
	d.Trigger, d.Consent = cmp.Or(d.Trigger, OnConversion), cmp.Or(d.Consent, NotDenied)
	if d.Consent != OnlyGranted && d.Consent != NotDenied {
		return refuse(`Consent must be "granted" (only who consented) or "not_denied" (all but who refused).`)
	}
	if d.Trigger != OnConversion && d.Trigger != OnStage {
		return refuse(`The trigger must be "conversion" or "stage".`)
	}
	d.Stage = strings.TrimSpace(d.Stage)
	if d.Trigger == OnConversion {
		d.Stage = ""
	} else if d.Stage == "" {
		return refuse("Say which stage a contact must reach for the conversion to be sent.")
	}
	if d.From < 0 {
		return refuse("The day from which conversions are sent lies before 1970.")
	}
	return nil
}

func (d *Destination) settleValue(refuse func(string, ...any) error) error {
	v := d.Value
	v.Kind, v.Currency = cmp.Or(v.Kind, NoValue), strings.ToUpper(strings.TrimSpace(v.Currency))
	d.Value = ValueRule{Kind: v.Kind}
	if v.Currency != "" && !currency.MatchString(v.Currency) {
		return refuse("The currency must be a code of three letters (ISO 4217), such as EUR.")
	}
	switch v.Kind {
	case NoValue:
		return nil
	case FixedValue:
		if !sane(v.Fixed) {
			return refuse("The fixed value must be a number from 0 to a thousand million.")
		}
		d.Value.Fixed = v.Fixed
	case ConversionValue:
	case StageValue:
		if len(v.ByStage) == 0 {
			return refuse("Say for one stage at least what a conversion is worth there.")
		}
		for stage, value := range v.ByStage {
			if !sane(value) {
				return refuse("The value at the stage %q must be a number from 0 to a thousand million.", stage)
			}
		}
		d.Value.ByStage = v.ByStage
	default:
		return refuse(`The value must be "none", "fixed", "conversion" or "stage".`)
	}
	d.Value.Currency = v.Currency
	return nil
}

// sane is what somebody may mean by a conversion's value.
func sane(value float64) bool { return value >= 0 && value <= 1e9 && !math.IsNaN(value) }

// settleStages wants the stages to be there, and gives values the workspace's
// currency when they have none.
func (t *tx) settleStages(ctx context.Context, op string, d *Destination) error {
	stages, err := t.stageList(ctx, d.Workspace)
	if err != nil {
		return err
	}
	named := make([]string, 0, len(d.Value.ByStage)+1)
	if d.Trigger == OnStage {
		named = append(named, d.Stage)
	}
	for stage := range d.Value.ByStage {
		named = append(named, stage)
	}
	slices.Sort(named)
	for _, name := range named {
		if !slices.ContainsFunc(stages, func(s StageName) bool { return s.Name == name }) {
			return schema.E(op, schema.KindInvalid, "There is no stage %q in this workspace. Choose one of the list, or add it there first.", name)
		}
	}
	if d.Value.Currency == "" && d.Value.Kind != NoValue {
		_, err = t.one(ctx, "workspace_currency", []any{int64(d.Workspace)}, &d.Value.Currency)
	}
	return err
}

// settleConnection finds the account at the platform through which it sends.
func (t *tx) settleConnection(ctx context.Context, op string, d *Destination) error {
	all, err := t.connections(ctx, "connection_at", int64(d.Workspace), d.Platform)
	if err != nil {
		return err
	}
	if d.Connection == 0 && len(all) > 0 {
		d.Connection = all[0].ID
	}
	if len(all) == 0 || all[0].ID != d.Connection || d.ID == 0 && all[0].State == Disconnected {
		return schema.E(op, schema.KindConflict, "This workspace is not connected to the platform %s. Connect it first, then add the destination.", d.Platform)
	}
	d.State = all[0].State
	return nil
}
