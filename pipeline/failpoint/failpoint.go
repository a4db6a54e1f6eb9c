// Package failpoint names places in the stages at which a test may make the
// process die or fail, to see that what was begun there is finished afterwards.
package failpoint

// Reach is told which place was reached. Its error, if any, is that of the
// place. The zero Reach does nothing; nothing but tests may give another, such
// as those of deploy/chaos/failpoint.
type Reach func(place string) error

// At comes to a place, named stage.place.
func (r Reach) At(place string) error {
	if r == nil {
		return nil
	}
	return r(place)
}
