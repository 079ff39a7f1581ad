package chaos

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/heapmage/heapmage/memtools"
)

// Parse reads the flags of the command, beside those that flags has already: options
// without their folder and binary.
func Parse(flags *flag.FlagSet, args []string) (o Options, err error) {
	minutes := flags.Float64("minutes", 5, "when to start no further plan")
	seed := flags.Uint64("seed", uint64(time.Now().Unix()), "the first plan; the next ones are seed+1 and so on")
	plans := flags.Int("plans", 0, "how many plans to carry out, instead of -minutes")
	rate := flags.String("rate", "300MB", "growth a second from which kills by the kernel are only counted")
	without := flags.String("without", "", "kinds of fault to leave out, with commas")
	machine := flags.Bool("machine", false, "this machine is there for nothing else: set its clock, too, and need no Node and no disk")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *minutes <= 0 || *plans < 0 || flags.NArg() > 0 {
		return o, fmt.Errorf("chaos needs -minutes above 0, no negative -plans, and nothing after its flags: %q", args)
	}
	o = Options{Seed: *seed, Plans: *plans, Time: time.Duration(*minutes * float64(time.Minute)), Machine: *machine, Out: os.Stdout}
	for name := range strings.SplitSeq(*without, ",") {
		if kind := Kind(name); slices.Contains(allKinds, kind) {
			o.Without = append(o.Without, kind)
		} else if name != "" {
			return o, fmt.Errorf("-without: unknown kind of fault %q; there are %v", name, allKinds)
		}
	}
	if o.Rate, err = memtools.ParseBytes(*rate); err != nil {
		return o, fmt.Errorf("-rate: %w", err)
	}
	return o, nil
}
