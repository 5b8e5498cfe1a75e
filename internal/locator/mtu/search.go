package mtu

import (
	"math"
	"slices"
)

const (
	// doubt is the probability that the result is another one, at which a search ends.
	doubt = 1e-4
	// contradiction is the probability of an answer that cannot be: paths change. Among
	// all sizes together it must be far below doubt.
	contradiction = 1e-12
	// Before anything is known, the part of the answers that get lost is taken to be one
	// in twenty: as if so many had arrived, and one not. More exactly, it has the beta
	// distribution of these parameters.
	priorLost, priorArrived = 1, 19
	// proof is how often a number must be lost itself, unless it is refused.
	proof = 3
)

// A search finds the greatest number that passes, if all up to it do and none beyond it,
// while some answers get lost.
type search struct {
	// floor passes or is nothing; most is the greatest that may.
	floor, most int
	// weights are how likely the numbers from floor on are the result before anything is
	// known, in any unit.
	weights []float64
	// useless are numbers whose trial tells nothing.
	useless map[int]bool

	passed  int // the greatest
	answers []answer
	// open are numbers that were lost and may have been by an outage.
	open []int
	// arrived and missed count the answers to what passes.
	arrived, missed int
}

// An answer says by which factor numbers from at on become more likely; 0 is a loss.
type answer struct {
	at     int
	factor float64
}

// newSearch returns a search from floor on, for as many numbers as there are weights.
func newSearch(floor int, weights []float64) *search {
	return &search{floor: floor, most: floor + len(weights) - 1, passed: floor, weights: weights, useless: map[int]bool{}}
}

// favour makes a number more likely than all others together.
func (s *search) favour(n int) {
	s.weights[n-s.floor] += 4 * float64(len(s.weights))
}

// pass notes that a number passed. Then what was lost before was no outage.
func (s *search) pass(n int) {
	s.settle()
	s.arrived++
	if n > s.passed {
		s.passed = n
		s.answers = append(s.answers, answer{n, 1 / contradiction})
	}
}

// refuse notes that a number was refused, and by no accident.
func (s *search) refuse(n int) {
	s.settle()
	s.answers = append(s.answers, answer{n, contradiction})
}

// lose notes that a number got no answer.
func (s *search) lose(n int) {
	if n > s.passed {
		s.open = append(s.open, n)
		return
	}
	// A small one was lost with the others: that was the path, not their size.
	s.open = nil
	s.missed++
}

// settle makes evidence of what was lost.
func (s *search) settle() {
	for _, n := range s.open {
		s.answers = append(s.answers, answer{at: n})
	}
	s.open = nil
}

// above returns the probabilities that the result is n or more, by n from floor on.
func (s *search) above(answers []answer) []float64 {
	size := len(s.weights)
	steps, losses := slices.Repeat([]float64{1}, size), make([]int, size)
	for _, a := range answers {
		switch i := a.at - s.floor; {
		case a.factor == 0:
			losses[i]++
		default:
			steps[i] *= a.factor
		}
	}
	tail := make([]float64, size)
	total, factor := 0.0, 1.0
	lost, all := float64(priorLost+s.missed), float64(priorLost+priorArrived+s.missed+s.arrived)
	for i := range tail {
		// If i passes, these got lost by chance. How likely that is depends on how many
		// others did (the beta-binomial distribution).
		for range losses[i] {
			factor *= lost / all
			lost, all = lost+1, all+1
		}
		factor *= steps[i]
		tail[i] = factor * s.weights[i]
		total += tail[i]
	}
	sum := 0.0
	for i := size - 1; i >= 0; i-- {
		sum += tail[i]
		tail[i] = sum / total
	}
	return tail
}

// next returns the number whose trial tells most, or false if all are useless.
func (s *search) next() (int, bool) {
	all := s.answers[:len(s.answers):len(s.answers)]
	for _, n := range s.open {
		all = append(all, answer{at: n})
	}
	tail := s.above(all)
	// What a trial tells grows with its probability of passing up to about a half, and
	// falls from there. So it is one of the two beside that.
	likely, unlikely := 0, 0
	for n := s.passed + 1; n <= s.most && unlikely == 0; n++ {
		switch {
		case s.useless[n]:
		case tail[n-s.floor] >= 0.5:
			likely = n
		default:
			unlikely = n
		}
	}
	if likely == 0 || unlikely > 0 && s.information(tail[unlikely-s.floor]) > s.information(tail[likely-s.floor]) {
		likely = unlikely
	}
	return likely, likely > 0
}

// information is how many bits a trial tells of which the number passes with a probability,
// where answers get lost: the mutual information of a Z-channel.
func (s *search) information(passes float64) float64 {
	lost := float64(priorLost+s.missed) / float64(priorLost+priorArrived+s.missed+s.arrived)
	return entropy((1-lost)*passes) - passes*entropy(lost)
}

// entropy is that of an event with a probability, in bits.
func entropy(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -p*math.Log2(p) - (1-p)*math.Log2(1-p)
}

// beyond returns the next number that is not useless after the greatest that passed, or most+1.
func (s *search) beyond() int {
	for n := s.passed + 1; n <= s.most; n++ {
		if !s.useless[n] {
			return n
		}
	}
	return s.most + 1
}

// done reports whether all but the greatest that passed, and what cannot be told from
// it, is out of the question.
func (s *search) done() bool {
	b := s.beyond()
	if b > s.most {
		return s.above(s.answers)[s.passed-s.floor] >= 1-doubt
	}
	lost, refused := 0, false
	for _, a := range s.answers {
		if a.at == b {
			lost, refused = lost+1, refused || a.factor != 0
		}
	}
	if lost < proof && !refused {
		return false
	}
	tail := s.above(s.answers)
	return tail[s.passed-s.floor]-tail[b-s.floor] >= 1-doubt
}

// chance returns how many answers were lost by chance, as far as is known.
func (s *search) chance() int {
	n := s.missed
	for _, a := range s.answers {
		if a.factor == 0 && a.at <= s.passed {
			n++
		}
	}
	return n
}
