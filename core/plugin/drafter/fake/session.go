package fake

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// session is an open one.
type session struct {
	attachment *attachment
	lie        Lie

	mu       sync.Mutex // against Close of the attachment
	text     *drafter.Text
	features uint64 // hash of all that came
	pieces   uint64 // calls of Committed
}

// mix folds a number into a hash.
func mix(hash, x uint64) uint64 {
	hash = (hash ^ x) * 0x9e3779b97f4a7c15
	return hash ^ hash>>29
}

// begin lets a call in, unless a misfortune is due. The caller ends it.
func (s *session) begin(ctx context.Context) (end func(), err error) {
	if err := s.attachment.drafter.Strike(ctx); err != nil && (s.lie != LieCancel || !errors.Is(err, context.Canceled)) {
		return nil, err
	}
	s.mu.Lock()
	return s.mu.Unlock, nil
}

// Committed implements [drafter.Session].
func (s *session) Committed(ctx context.Context, tokens []drafter.Token, f drafter.Features) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if s.lie == LieForget {
		_, _ = s.text.Settle(s.text.Open())
	}
	switch err := s.text.Committed(tokens, f); {
	case err == nil:
	case s.lie == LieClosed && errors.Is(err, drafter.ErrClosed):
		return nil
	case s.lie == LieTokens || s.lie == LieFeatures:
		return nil
	default:
		return err
	}
	s.pieces++
	leak := s.attachment.leaked.Load()
	for _, t := range tokens {
		leak = mix(leak, uint64(t))
	}
	s.attachment.leaked.Store(leak)
	if f.Rows > 0 {
		s.features = mix(s.features, uint64(f.Pos))
		for _, x := range f.Data {
			s.features = mix(s.features, uint64(math.Float32bits(x)))
		}
	}
	return nil
}

// Propose implements [drafter.Session].
func (s *session) Propose(ctx context.Context, ask drafter.Ask) (drafter.Proposal, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return drafter.Proposal{}, err
	}
	defer end()
	switch err := s.text.Ask(ask); {
	case err == nil:
	case s.lie == LieClosed && errors.Is(err, drafter.ErrClosed):
	case s.lie == LieEmpty && len(s.text.Tokens) == 0 && ask.Check(s.attachment.Describe()) == nil:
	case s.lie == LieAsk && errors.Is(err, base.ErrInvalid) && len(s.text.Tokens) > 0:
	default:
		return drafter.Proposal{}, err
	}
	p := s.propose(ask)
	s.text.Proposed(p.Tokens)
	return p, nil
}

func (s *session) propose(ask drafter.Ask) drafter.Proposal {
	hash := s.features
	for _, t := range s.text.Tokens {
		hash = mix(hash, uint64(t))
	}
	switch s.lie {
	case LieLeak:
		hash = mix(hash, s.attachment.leaked.Load())
	case LiePieces:
		hash = mix(hash, s.pieces)
	}
	draws := rand.New(rand.NewPCG(ask.Seed, hash))
	if s.lie == LieSeed {
		draws = rand.New(rand.NewPCG(rand.Uint64(), hash))
	}
	n := max(1, ask.N)
	if s.lie == LieLong {
		n++
	}
	var p drafter.Proposal
	for i := range n {
		t := s.next(hash, i)
		if ask.Sample {
			q := distribution(t, s.attachment.target.Vocabulary)
			if t = q.Tokens[0]; draws.Float32() >= q.Probabilities[0] {
				t = q.Tokens[len(q.Tokens)-1]
			}
			if s.lie == LieSum {
				q.Probabilities[0] += 0.5
			}
			p.Drawn = append(p.Drawn, q)
		}
		p.Tokens = append(p.Tokens, t)
		p.Confidence = append(p.Confidence, 1/float32(i+2))
	}
	return p
}

// next is the i-th token of a proposal.
func (s *session) next(hash uint64, i int) drafter.Token {
	v := uint64(s.attachment.target.Vocabulary)
	if s.lie == LieVocabulary {
		return drafter.Token(v)
	}
	if step := s.attachment.drafter.config.Step; step != 0 {
		last := s.text.Tokens[len(s.text.Tokens)-1]
		return drafter.Token((uint64(last) + uint64(step*(i+1))) % v)
	}
	return drafter.Token(mix(hash, uint64(i)) % v)
}

// distribution has a token and, where there is one, the one after it.
func distribution(t drafter.Token, vocabulary int) drafter.Distribution {
	if vocabulary == 1 {
		return drafter.Distribution{Tokens: []drafter.Token{t}, Probabilities: []float32{1}}
	}
	return drafter.Distribution{
		Tokens:        []drafter.Token{t, (t + 1) % drafter.Token(vocabulary)},
		Probabilities: []float32{0.75, 0.25},
	}
}

// Settle implements [drafter.Session].
func (s *session) Settle(ctx context.Context, accepted int) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if s.lie == LieForget && accepted == 0 {
		return nil // until more is committed
	}
	_, err = s.text.Settle(accepted)
	if s.lie == LieSettle && errors.Is(err, base.ErrInvalid) || s.lie == LieClosed && errors.Is(err, drafter.ErrClosed) {
		return nil
	}
	return err
}

// Close implements [drafter.Session].
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Close()
	return nil
}
