#!/bin/sh
# Builds Menura as an application: dist/Menura, on macOS dist/Menura.app as well. See docs/app.md.
#   MENURA_IDENTITY="Developer ID Application: NAME (TEAM)"   signs it with the hardened runtime
#   MENURA_NOTARY_PROFILE=PROFILE                             has Apple notarise it, and staples the ticket
set -eu
cd "$(dirname "$0")"
. tools/environment.sh
python=build/venv/bin/python
[ -x "$python" ] || "$(find_python)" -m venv build/venv
"$python" -m pip install -q --disable-pip-version-check -e . pyinstaller==6.22.3 pillow
"$python" tools/app/icon.py build/menura.png
"$python" -m PyInstaller --noconfirm --log-level WARN --distpath dist --workpath build/work tools/app/menura.spec
[ "$(uname -s)" = Darwin ] || { echo "dist/Menura/Menura"; exit 0; }
if [ -n "${MENURA_IDENTITY:-}" ]; then
    codesign --verify --deep --strict --verbose=2 dist/Menura.app
    # A second pass of signing that loses this one would leave the microphone silent.
    codesign --display --entitlements - dist/Menura.app | grep -q com.apple.security.device.audio-input
fi
if [ -n "${MENURA_NOTARY_PROFILE:-}" ]; then
    ditto -c -k --keepParent dist/Menura.app build/Menura.zip
    xcrun notarytool submit build/Menura.zip --keychain-profile "$MENURA_NOTARY_PROFILE" --wait
    xcrun stapler staple dist/Menura.app
    spctl --assess --type execute --verbose dist/Menura.app
fi
echo dist/Menura.app
