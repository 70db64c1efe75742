package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// maxRange is the most numbers that range gives.
const maxRange = 100_000

// ourFunctions are global functions beside or instead of the engine's.
var ourFunctions = map[string]any{
	"range": rangeOf,
	// The engine's own would reach math/rand or keep state; no chat template asks for them.
	"lipsum": nil,
	"cycler": nil,
}

// rangeOf is Python's range as a list. The engine's own leaves a goroutine behind when a loop
// breaks out of it.
func rangeOf(_ *exec.Evaluator, args *exec.VarArgs) (*exec.Value, error) {
	var start, stop int
	step := 1
	for _, a := range args.Args {
		if !a.IsInteger() {
			return nil, fmt.Errorf("range: %q is not an integer", a.String())
		}
	}
	switch len(args.Args) {
	case 1:
		stop = args.Args[0].Integer()
	case 2:
		start, stop = args.Args[0].Integer(), args.Args[1].Integer()
	case 3:
		start, stop, step = args.Args[0].Integer(), args.Args[1].Integer(), args.Args[2].Integer()
	default:
		return nil, errors.New("range takes one to three integers")
	}
	if step == 0 {
		return nil, errors.New("range: the step cannot be 0")
	}
	out := list{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if len(out) == maxRange {
			return nil, fmt.Errorf("range: more than %d numbers", maxRange)
		}
		out = append(out, i)
	}
	return exec.AsValue(out), nil
}

// strftimeNow is the function of that name: the time now, formatted as C's strftime does.
func strftimeNow(now func() time.Time) any {
	return func(args *exec.VarArgs) *exec.Value {
		if len(args.Args) != 1 {
			return exec.AsValue(errors.New("strftime_now takes one format"))
		}
		return exec.AsValue(strftime(now(), args.Args[0].String()))
	}
}

// layouts maps strftime's verbs to Go's layouts.
var layouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'B': "January", 'b': "Jan", 'h': "Jan",
	'A': "Monday", 'a': "Mon", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'Z': "MST",
	'z': "-0700", 'f': "000000", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06",
	'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
}

func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		verb := format[i]
		plain := verb == '-' && i+1 < len(format) // %-d: no leading zero
		if plain {
			i++
			verb = format[i]
		}
		layout, known := layouts[verb]
		switch {
		case verb == '%':
			b.WriteByte('%')
		case verb == 'f':
			fmt.Fprintf(&b, "%06d", t.Nanosecond()/1000)
		case !known:
			b.WriteByte('%')
			b.WriteByte(verb)
		case plain:
			b.WriteString(unpadded(t.Format(layout)))
		default:
			b.WriteString(t.Format(layout))
		}
	}
	return b.String()
}

// unpadded drops leading zeros and spaces, but the last digit.
func unpadded(s string) string {
	for len(s) > 1 && (s[0] == '0' || s[0] == ' ') {
		s = s[1:]
	}
	return s
}
