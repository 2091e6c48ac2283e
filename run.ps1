# Makes the environment if need be, then runs Menura: the studio, or the command given.
$ErrorActionPreference = "Stop"
Set-Location $PSScriptRoot
$python = ".venv\Scripts\python.exe"
if (-not (Test-Path $python)) { py -3 -m venv .venv }
$stamp = ".venv\.menura"
if (-not (Test-Path $stamp) -or (Get-Item pyproject.toml).LastWriteTime -gt (Get-Item $stamp).LastWriteTime) {
    & $python -m pip install -q --disable-pip-version-check -e .
    if ($LASTEXITCODE) { exit $LASTEXITCODE }
    New-Item -ItemType File -Force $stamp | Out-Null
}
& ".venv\Scripts\menura.exe" @args
exit $LASTEXITCODE
