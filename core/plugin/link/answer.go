package link

import (
	"errors"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// An answer begins with one byte, 0 if the call succeeded and 1 if an error follows, the
// google.rpc.Status that gRPC would have carried.
const (
	AnswerOK    = 0
	answerError = 1
)

// ErrAnswer is what [ReadAnswer] says of bytes that are no answer.
var ErrAnswer = errors.New("not an answer of this link")

// AppendError appends the answer of a call that failed; err is what base.ErrorMap.Encode made.
func AppendError(b []byte, err error) []byte {
	return append(append(b, answerError), MarshalError(err)...)
}

// ReadAnswer takes an answer apart: what follows the first byte, or the error, which
// base.ErrorMap.Decode understands.
func ReadAnswer(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, ErrAnswer
	}
	switch b[0] {
	case AnswerOK:
		return b[1:], nil
	case answerError:
		return nil, UnmarshalError(b[1:])
	}
	return nil, ErrAnswer
}

// MarshalError is an error as bytes, without its details if they are too long for a lane.
func MarshalError(err error) []byte {
	s, _ := status.FromError(err)
	text, encodeErr := proto.Marshal(s.Proto())
	if encodeErr != nil || len(text)+1 > MaxMessage {
		text, _ = proto.Marshal(&spb.Status{Code: int32(s.Code())})
	}
	return text
}

// UnmarshalError is its inverse. ErrAnswer: that is no error.
func UnmarshalError(b []byte) error {
	var s spb.Status
	if err := proto.Unmarshal(b, &s); err != nil || s.GetCode() == 0 {
		return ErrAnswer
	}
	return status.FromProto(&s).Err()
}
