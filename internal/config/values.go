package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/heapmage/heapmage/internal/signature"
	"github.com/heapmage/heapmage/internal/trust"
	"github.com/heapmage/heapmage/memtools"
)

// The functions here make readers of values. name is the key or the variable that
// errors name.

func (c *Config) size(name string, to *memtools.Size) func(*yaml.Node) error {
	return scalar(name, "write it as 8GB, 512MB or 80%", func(s string) (err error) {
		*to, err = memtools.ParseSize(s)
		return err
	})
}

func duration(name string, to *time.Duration, least time.Duration) func(*yaml.Node) error {
	return scalar(name, fmt.Sprintf("write it as 30s, 1m30s or 500ms, at least %v", least), func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < least {
			return fmt.Errorf("%q is not a time of at least %v", s, least)
		}
		*to = d
		return nil
	})
}

func percent(name string, to *float64) func(*yaml.Node) error {
	return scalar(name, "write it as 75%", func(s string) error {
		f, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
		if err != nil || !(f > 0 && f <= 100) {
			return fmt.Errorf("%q is not a percentage above 0%% and up to 100%%", s)
		}
		*to = f
		return nil
	})
}

func boolean(name string, to **bool) func(*yaml.Node) error {
	return scalar(name, "write true or false", func(s string) error {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		*to = &b
		return nil
	})
}

func concurrency(name string, to *int) func(*yaml.Node) error {
	return scalar(name, "write auto, or how many tasks may run at once", func(s string) (err error) {
		if *to = 0; s == "auto" {
			return nil
		}
		*to, err = whole(s, 1, 1000)
		return err
	})
}

func retries(name string, to **int) func(*yaml.Node) error {
	return scalar(name, "write how many times a task that runs out of memory is tried again", func(s string) error {
		n, err := whole(s, 0, 10)
		*to = &n
		return err
	})
}

// whole reads a whole number within bounds.
func whole(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", s, least, most)
	}
	return n, nil
}

func oneOf(name string, to *string, values ...string) func(*yaml.Node) error {
	return scalar(name, "it can be: "+strings.Join(values, ", "), func(s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf("%q is not known", s)
		}
		*to = s
		return nil
	})
}

func text(name string, to *string) func(*yaml.Node) error {
	return scalar(name, "give one name", func(s string) error {
		if s == "" {
			return errors.New("it is empty")
		}
		*to = s
		return nil
	})
}

// scalar makes a reader of a single value. set gets its text.
func scalar(name, hint string, set func(string) error) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		if node.Kind != yaml.ScalarNode {
			return at(node, name+" is not a single value", hint)
		}
		if err := set(node.Value); err != nil {
			return at(node, name+": "+err.Error(), hint)
		}
		return nil
	}
}

// writeModes are what Shared.Write can be.
var writeModes = []string{string(trust.ByEvent), string(trust.Always), string(trust.Never)}

// publicKeys makes a reader of a list of public keys.
func publicKeys(name string, to *[]signature.Public) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		var texts []string
		if err := list(name, &texts)(node); err != nil {
			return err
		}
		for i, text := range texts {
			key, err := signature.ParsePublic(text)
			if err != nil {
				return at(node.Content[i], fmt.Sprintf("%s: entry %d: %v", name, i+1, err), keyHint)
			}
			*to = append(*to, key)
		}
		return nil
	}
}

// secretKey makes a reader of a secret key, which no error repeats.
func secretKey(name string, to *signature.Secret) func(*yaml.Node) error {
	return scalar(name, keyHint, func(s string) (err error) {
		*to, err = signature.ParseSecret(s)
		return err
	})
}

const keyHint = "the target cache:keygen makes a pair of keys"

// list makes a reader of a list of names. An empty list is not nil.
func list(name string, to *[]string) func(*yaml.Node) error {
	return func(node *yaml.Node) error {
		const hint = "write it as [a, b]"
		if node.Kind != yaml.SequenceNode {
			return at(node, name+" is not a list", hint)
		}
		*to = []string{}
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode || item.Value == "" {
				return at(item, name+" holds something that is not a name", hint)
			}
			*to = append(*to, item.Value)
		}
		return nil
	}
}
