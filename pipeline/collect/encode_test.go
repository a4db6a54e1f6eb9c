package collect

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"sourceloop/schema"
)

// draw fills a message's fields, all of them when full.
func draw(t *rapid.T, m protoreflect.Message, full bool) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !full && rapid.Bool().Draw(t, "empty") {
			continue
		}
		switch f.Kind() {
		case protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(rapid.StringN(1, 400, -1).Draw(t, string(f.Name()))))
		case protoreflect.BytesKind:
			m.Set(f, protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 1, 20_000).Draw(t, string(f.Name()))))
		case protoreflect.Int64Kind:
			m.Set(f, protoreflect.ValueOfInt64(rapid.Int64().Filter(func(n int64) bool { return n != 0 }).Draw(t, string(f.Name()))))
		case protoreflect.Uint32Kind:
			m.Set(f, protoreflect.ValueOfUint32(rapid.Uint32Min(1).Draw(t, string(f.Name()))))
		case protoreflect.BoolKind:
			m.Set(f, protoreflect.ValueOfBool(true))
		case protoreflect.EnumKind:
			m.Set(f, protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.IntRange(1, 5).Draw(t, string(f.Name())))))
		case protoreflect.MessageKind:
			draw(t, m.Mutable(f).Message(), full)
		default:
			t.Fatalf("a field of a new kind: %s", f.FullName())
		}
	}
}

func TestRecordsAreThoseOfTheVocabulary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &schema.Hit{}
		draw(t, h.ProtoReflect(), rapid.Bool().Draw(t, "full"))
		before := []byte("before")
		raw := appendRecord(before, h)
		var got schema.HitRecord
		if err := proto.Unmarshal(raw[len(before):], &got); err != nil {
			t.Fatal(err)
		}
		if string(raw[:len(before)]) != "before" || !proto.Equal(got.GetHit(), h) {
			t.Fatalf("got  %v\nwant %v", got.GetHit(), h)
		}
	})
}
