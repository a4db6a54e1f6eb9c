package clickhouse

// AttributeAtOnce changes how many contacts one statement takes.
func (s *Sink) AttributeAtOnce(n int) { s.attributeAtOnce = n }
