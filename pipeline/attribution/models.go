package attribution

import (
	"math"
	"time"

	"sourceloop/schema"
)

// Model is a way to share a conversion among its touches.
type Model string

// The models.
const (
	LastTouch      Model = "last_touch" // the default
	FirstTouch     Model = "first_touch"
	LastNonDirect  Model = "last_non_direct"
	FirstNonDirect Model = "first_non_direct"
	Linear         Model = "linear"
	PositionBased  Model = "position_based" // 40/20/40
	TimeDecay      Model = "time_decay"     // half-life 7 days
	WShaped        Model = "w_shaped"       // 30/30/30/10
	FullPath       Model = "full_path"      // 22.5 each, and 10
	Markov         Model = "markov"         // from the paths of everybody
	Shapley        Model = "shapley"        // likewise
)

// HalfLife is how long before the conversion a touch weighs half as much, under
// time decay.
const HalfLife = 7 * 24 * time.Hour

// Models gives all models, in the order in which they are shown.
func Models() []Model {
	return []Model{
		LastTouch, FirstTouch, LastNonDirect, FirstNonDirect, Linear, PositionBased, TimeDecay,
		WShaped, FullPath, Markov, Shapley,
	}
}

// Parse reads the name of a model; "" is the default one.
func Parse(name string) (Model, error) {
	if name == "" {
		return LastTouch, nil
	}
	for _, m := range Models() {
		if string(m) == name {
			return m, nil
		}
	}
	return "", schema.E("attribution.Parse", schema.KindInvalid, "there is no model %q; use one of %v", name, Models())
}

// Milestones are when a conversion's contact got somewhere; 0 for never. The
// touch of a milestone is the last one that had begun by then.
type Milestones struct {
	Identified schema.Millis // was first identified: schema.Contact.CreatedAt
	Progressed schema.Millis // first reached the stage In Progress
}

// Credits gives every touch its share of a conversion; the shares sum to 1.
// Without touches there is nothing to share. A model that looks at more than
// the touches of one conversion is refused.
func Credits(m Model, touches []Touch, milestones Milestones) ([]float64, error) {
	weigh, err := weights(m)
	if err != nil || len(touches) == 0 {
		return nil, err
	}
	credits := weigh(touches, milestones)
	sum := 0.0
	for _, c := range credits {
		sum += c
	}
	for i := range credits {
		credits[i] /= sum
	}
	return credits, nil
}

// weighing gives touches weights in proportion to their credit.
type weighing func(touches []Touch, milestones Milestones) []float64

func weights(m Model) (weighing, error) {
	switch m {
	case LastTouch:
		return func(t []Touch, _ Milestones) []float64 { return one(len(t), len(t)-1) }, nil
	case FirstTouch:
		return func(t []Touch, _ Milestones) []float64 { return one(len(t), 0) }, nil
	case LastNonDirect:
		return lastNonDirect, nil
	case FirstNonDirect:
		return firstNonDirect, nil
	case Linear:
		return linear, nil
	case PositionBased:
		return positionBased, nil
	case TimeDecay:
		return timeDecay, nil
	case WShaped:
		return func(t []Touch, m Milestones) []float64 {
			return shaped(0.3, []int{0, begunBy(t, m.Identified), len(t) - 1}, len(t))
		}, nil
	case FullPath:
		return func(t []Touch, m Milestones) []float64 {
			return shaped(0.225, []int{0, begunBy(t, m.Identified), begunBy(t, m.Progressed), len(t) - 1}, len(t))
		}, nil
	}
	return nil, schema.E("attribution.Credits", schema.KindInvalid,
		"the model %q cannot be computed from the touches of one conversion alone", m)
}

func one(n, chosen int) []float64 {
	w := make([]float64, n)
	w[chosen] = 1
	return w
}

func (t *Touch) direct() bool { return t.Channel == schema.ChannelDirect }

func lastNonDirect(touches []Touch, _ Milestones) []float64 {
	for i := len(touches) - 1; i >= 0; i-- {
		if !touches[i].direct() {
			return one(len(touches), i)
		}
	}
	return one(len(touches), len(touches)-1)
}

func firstNonDirect(touches []Touch, _ Milestones) []float64 {
	for i := range touches {
		if !touches[i].direct() {
			return one(len(touches), i)
		}
	}
	return one(len(touches), 0)
}

func linear(touches []Touch, _ Milestones) []float64 {
	w := make([]float64, len(touches))
	for i := range w {
		w[i] = 1
	}
	return w
}

// positionBased gives the first and the last touch 40 % each, and shares the
// rest evenly. Without a rest, the two are alike.
func positionBased(touches []Touch, m Milestones) []float64 {
	n := len(touches)
	if n < 3 {
		return linear(touches, m)
	}
	w := make([]float64, n)
	for i := range w {
		w[i] = 0.2 / float64(n-2)
	}
	w[0], w[n-1] = 0.4, 0.4
	return w
}

// timeDecay halves a touch's weight for every 7 days before the conversion.
// Ages are counted from the newest touch, which changes no share, and keeps the
// weights of old touches away from zero.
func timeDecay(touches []Touch, _ Milestones) []float64 {
	newest := touches[0].At
	for _, t := range touches {
		newest = max(newest, t.At)
	}
	w := make([]float64, len(touches))
	for i, t := range touches {
		w[i] = math.Exp2(-float64(newest.Sub(t.At)) / float64(HalfLife))
	}
	return w
}

// begunBy gives the last touch that had begun by a moment; -1 for none.
func begunBy(touches []Touch, moment schema.Millis) int {
	for i := len(touches) - 1; i >= 0 && moment > 0; i-- {
		if touches[i].At <= moment {
			return i
		}
	}
	return -1
}

// restShare is what shaped models leave to the touches of no milestone.
const restShare = 0.1

// shaped gives the touches of milestones a share each, which add where these
// coincide, and the others the rest. What has no touch, a milestone (-1) or the
// rest, is spread evenly over all of them.
func shaped(share float64, milestones []int, n int) []float64 {
	w := make([]float64, n)
	missing := 0.0
	for _, i := range milestones {
		if i < 0 {
			missing += share
		} else {
			w[i] += share
		}
	}
	others := 0
	for _, weight := range w {
		if weight == 0 {
			others++
		}
	}
	if others == 0 {
		missing += restShare
	}
	for i := range w {
		if w[i] == 0 {
			w[i] = restShare / float64(others)
		}
		w[i] += missing / float64(n)
	}
	return w
}
