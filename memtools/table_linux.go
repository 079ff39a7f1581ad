package memtools

import "github.com/heapmage/heapmage/internal/proctable"

func openTable() (table, error) { return proctable.Open() }
