package backend

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"testing/quick"

	"google.golang.org/protobuf/proto"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
)

// roundTrip holds a pair of conversions to being inverse over a real message, for values with
// every field set.
func roundTrip[T any, M proto.Message](t *testing.T, to func(T) M, from func(M) T, empty M) {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	for range 200 {
		value, ok := quick.Value(reflect.TypeFor[T](), random)
		if !ok {
			t.Fatalf("cannot make a %T", empty)
		}
		var want T
		reflect.ValueOf(&want).Elem().Set(value)
		clean(reflect.ValueOf(&want).Elem())
		data, err := proto.Marshal(to(want))
		if err != nil {
			t.Fatal(err)
		}
		m := proto.Clone(empty).(M)
		if err := proto.Unmarshal(data, m); err != nil {
			t.Fatal(err)
		}
		if got := from(m); !reflect.DeepEqual(got, want) {
			t.Fatalf("got\n%+v\nwant\n%+v", got, want)
		}
	}
}

// clean replaces what the wire does not tell apart: an empty list or map is nil on the other end,
// and text is UTF-8.
func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			clean(v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem())
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
		}
		for i := range v.Len() {
			clean(v.Index(i))
		}
	case reflect.Map:
		cleanMap(v)
	case reflect.String:
		v.SetString(strings.ToValidUTF8(v.String(), "?"))
	}
}

func cleanMap(v reflect.Value) {
	if v.Len() == 0 {
		v.SetZero()
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		k, e := reflect.New(key.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
		k.Set(key)
		e.Set(v.MapIndex(key))
		clean(k)
		clean(e)
		out.SetMapIndex(k, e)
	}
	v.Set(out)
}

func TestConvert(t *testing.T) {
	t.Run("load", func(t *testing.T) {
		roundTrip(t, loadRequestToWire, loadRequestFromWire, &backendpb.LoadModelRequest{})
	})
	t.Run("info", func(t *testing.T) {
		roundTrip(t, modelInfoToWire, modelInfoFromWire, &backendpb.ModelInfo{})
	})
	t.Run("generate", func(t *testing.T) {
		roundTrip(t, generateToWire, generateFromWire, &backendpb.GenerateRequest{})
	})
	t.Run("page", func(t *testing.T) {
		roundTrip(t, pageToWire, pageFromWire, &backendpb.ExportPagesResponse{})
	})
	t.Run("import", func(t *testing.T) {
		roundTrip(t, importToWire, importFromWire, &backendpb.ImportBegin{})
		roundTrip(t, importResultToWire, importResultFromWire, &backendpb.ImportResult{})
	})
	t.Run("stats", func(t *testing.T) {
		roundTrip(t, statsToWire, statsFromWire, &backendpb.StatsResponse{})
	})
	t.Run("prompt", func(t *testing.T) {
		roundTrip(t, promptToWire, promptFromWire, &backendpb.Prompt{})
	})
	t.Run("final", func(t *testing.T) {
		roundTrip(t, func(f backendsFinal) *backendpb.Final { return finalToWire((*Final)(&f)) },
			func(m *backendpb.Final) backendsFinal { return backendsFinal(*finalFromWire(m)) }, &backendpb.Final{})
	})
}

// backendsFinal is a Final as a backend makes it: without what its caller tells.
type backendsFinal Final

// Generate implements quick.Generator.
func (backendsFinal) Generate(r *rand.Rand, _ int) reflect.Value {
	v, _ := quick.Value(reflect.TypeFor[Final](), r)
	f := v.Interface().(Final)
	f.RestoredTokens, f.Timings.Restore = 0, 0
	return reflect.ValueOf(backendsFinal(f))
}

// TestConvertEvent makes its values itself: a TokenLogprob holds TokenLogprobs.
func TestConvertEvent(t *testing.T) {
	top := []TokenLogprob{{Token: 1, Bytes: []byte("a"), Logprob: -0.5}, {Token: 2, Bytes: []byte{0xff}, Logprob: -2}}
	for _, want := range []Event{
		{},
		{Prompt: &PromptInfo{}},
		{Prompt: &PromptInfo{Tokens: 3, Cached: 2}, Text: "é", Tokens: []Token{0, 2}},
		{Tokens: []Token{1}, Logprobs: []TokenLogprob{{Token: 1, Bytes: []byte("a"), Logprob: -0.5, Top: top}}},
		{Final: &Final{}},
		{Final: &Final{Reason: FinishStop, Timings: Timings{Queue: 1, Prefill: 2, Generate: 3}, Draft: DraftStats{Drafted: 4, Accepted: 5}}},
	} {
		data, err := proto.Marshal(eventToWire(want))
		if err != nil {
			t.Fatal(err)
		}
		var m backendpb.GenerateResponse
		if err := proto.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if got := eventFromWire(&m); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
