package pkgmanager

import (
	"github.com/heapmage/heapmage/internal/folder"
	"github.com/heapmage/heapmage/internal/glob"
)

// RootIsMember reports whether the manager counts the root among the packages.
func (m Manager) RootIsMember() bool { return m.Name == PNPM || m.Name == Yarn && m.Berry }

// Negation is what a negated pattern of members means to the manager.
func (m Manager) Negation() glob.Negation {
	switch {
	case m.Name == NPM:
		return glob.UntilOverridden
	case m.Name == Bun:
		return glob.FromWildcards
	case m.Name == Yarn && m.Berry && Major(m.Version) < 4:
		return glob.FromEarlier
	case m.Name == Yarn && m.Berry:
		return glob.FromAll
	case m.Name == Yarn:
		return glob.FromNone
	}
	return glob.FromAll
}

// FolderLinks is what "**" does at a symbolic link to a folder.
func (m Manager) FolderLinks() glob.Links {
	switch {
	case m.Name == Bun:
		return glob.PassedOver
	case m.Name == NPM, m.Name == Yarn && !m.Berry:
		return glob.Taken
	}
	return glob.Followed
}

// UniqueNames reports whether the manager refuses two members with one name.
func (m Manager) UniqueNames() bool { return m.Name != PNPM }

// LinksRanges reports whether a plain range such as "^1.0.0" may mean a member.
// pnpm 9 and newer, and yarn Berry if the setting is off, link only what is
// written with "workspace:".
func (m Manager) LinksRanges() bool {
	switch {
	case m.Name == PNPM:
		if m.PNPM != nil && m.PNPM.link != nil {
			return *m.PNPM.link
		}
		if m.npm != nil {
			text, _ := m.npm.Text("link-workspace-packages")
			if set := truth(text); set != nil {
				return *set
			}
		}
		return m.Version != "" && Major(m.Version) < 9
	case m.Name == Yarn && m.Berry:
		return m.YarnRC == nil || m.YarnRC.transparent == nil || *m.YarnRC.transparent
	}
	return true
}

// LinksAliases reports whether "npm:name@range" under another name may mean a
// member. npm, yarn 1 and bun put an alias under its key in node_modules, where
// no member is, so they take it from the registry.
func (m Manager) LinksAliases() bool { return m.Name == PNPM || m.Name == Yarn && m.Berry }

// PlugNPlay reports whether Yarn Plug'n'Play is in use in a root folder: its file
// is there, or will be once yarn has installed.
func (m Manager) PlugNPlay(root string) bool {
	if m.Name != Yarn {
		return false
	}
	return folder.HasFile(root, ".pnp.cjs") || folder.HasFile(root, ".pnp.js") ||
		m.Berry && m.YarnRC != nil && m.YarnRC.nodeLinker == "pnp"
}
