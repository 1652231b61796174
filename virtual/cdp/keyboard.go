package cdp

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/go-rod/rod/lib/proto"
)

// key is what Chrome wants to know of a key.
type key struct {
	code string
	text string
	vk   int // Windows virtual key code
}

// namedKeys are the keys that pages listen to and that type nothing of their own.
func namedKeys() map[string]key {
	return map[string]key{
		"Enter": {"Enter", "\r", 13}, "Tab": {"Tab", "", 9}, "Escape": {"Escape", "", 27}, "Space": {"Space", " ", 32},
		"Backspace": {"Backspace", "", 8}, "Delete": {"Delete", "", 46}, "Home": {"Home", "", 36}, "End": {"End", "", 35},
		"ArrowLeft": {"ArrowLeft", "", 37}, "ArrowUp": {"ArrowUp", "", 38}, "ArrowRight": {"ArrowRight", "", 39}, "ArrowDown": {"ArrowDown", "", 40},
		"PageUp": {"PageUp", "", 33}, "PageDown": {"PageDown", "", 34},
	}
}

// press presses a key, after giving the focus to the element if there is a selector.
func (p *Page) press(ctx context.Context, selector, name string) error {
	k, ok := namedKeys()[name]
	value := name
	switch {
	case name == "Space":
		value = " "
	case ok:
	case utf8.RuneCountInString(name) == 1:
		k.text = name
	default:
		return fmt.Errorf("key %q is not known: want one character, or a name such as \"Enter\"", name)
	}
	if selector != "" {
		if _, err := p.act(ctx, "focus", selector, ""); err != nil {
			return err
		}
	}
	down := proto.InputDispatchKeyEvent{
		Type: proto.InputDispatchKeyEventTypeKeyDown, Key: value, Code: k.code, Text: k.text, UnmodifiedText: k.text, WindowsVirtualKeyCode: k.vk,
	}
	if k.text == "" {
		down.Type = proto.InputDispatchKeyEventTypeRawKeyDown
	}
	up := proto.InputDispatchKeyEvent{Type: proto.InputDispatchKeyEventTypeKeyUp, Key: value, Code: k.code, WindowsVirtualKeyCode: k.vk}
	for _, e := range []proto.InputDispatchKeyEvent{down, up} {
		if err := e.Call(p.target.session.in(ctx)); err != nil {
			return p.target.explain(err)
		}
	}
	return nil
}
