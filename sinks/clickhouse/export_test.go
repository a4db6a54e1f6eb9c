package clickhouse

// AttributeAtOnce changes how many contacts are looked up at once, also when
// everybody is credited, and how many sessions one statement then takes.
func (s *Sink) AttributeAtOnce(contacts, visits int) {
	s.attributeAtOnce, s.everybodyAtOnce, s.visitsAtOnce = contacts, contacts, visits
}
