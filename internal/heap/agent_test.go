package heap

import (
	"testing"

	"github.com/heapmage/heapmage/internal/estimate"
	"github.com/heapmage/heapmage/memtools"
)

func TestLearned(t *testing.T) {
	for _, tt := range []struct {
		claim string
		known estimate.Prediction
		want  memtools.Bytes
	}{
		{"its own runs count", estimate.Prediction{Basis: estimate.FromHistory, Need: 60, Samples: 1}, 60},
		{"similar packages count, with a margin", estimate.Prediction{Basis: estimate.FromSimilar, Need: 60, Samples: enoughSimilar}, 120},
		{"too few of them may mislead", estimate.Prediction{Basis: estimate.FromSimilar, Need: 60, Samples: enoughSimilar - 1}, unproven},
		{"unless they are large", estimate.Prediction{Basis: estimate.FromSimilar, Need: unproven, Samples: 1}, 2 * unproven},
		{"nothing is known", estimate.Prediction{Basis: estimate.FromNothing, Need: 60}, 0},
		{"what is configured is a reservation, and no peak", estimate.Prediction{Basis: estimate.FromConfig, Need: 60, Samples: 9}, 0},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			if got := Learned(tt.known); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
