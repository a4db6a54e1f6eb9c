package report

import "context"

// EachModel answers a question under every model.
func (s Scoped) EachModel(ctx context.Context, q Credits) (map[Model]Attribution, error) {
	byKey, err := s.credits(ctx, q)
	if err != nil {
		return nil, err
	}
	sessions, err := s.sessionsBy(ctx, q)
	if err != nil {
		return nil, err
	}
	costs, err := s.costs(ctx, q)
	if err != nil {
		return nil, err
	}
	answers := make(map[Model]Attribution)
	for i, m := range Models() {
		if m.dataDriven() {
			if err := s.addDataDriven(ctx, q, m, byKey); err != nil {
				return nil, err
			}
		}
		answers[m] = tabulate(byKey, sessions, costs, i, -1)
	}
	return answers, nil
}
