package schema

// IncomingHook is an address at which another program tells of conversions, in
// whatever JSON it has.
type IncomingHook struct {
	ID         int64
	Workspace  uint32
	Name       string // for people
	Conversion string // what the conversions are called
	HasValue   bool
	Value      float64 // where what comes names none
	Currency   string  // of every value; "": the workspace's
	IDPath     string  // where in the JSON the conversion's id stands, as data.order.id; "": a hash of the body
	EmailPath  string  // "": found by itself, as is the phone
	PhonePath  string
	ValuePath  string // "": Value
	CreatedAt  Millis
}
