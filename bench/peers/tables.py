"""Rows of figures as Markdown."""
import os

from peers import RUNNING, TRAINING

# Key, heading, how a figure is written.
COLUMNS = {
    RUNNING: (("prefill_tok_s", "read, tokens/s", "{:,.0f}"), ("decode_tok_s", "write, tokens/s", "{:,.1f}"),
              ("load_s", "load, s", "{:.2f}"), ("peak_rss_bytes", "peak MiB", "{:,.0f}")),
    TRAINING: (("tokens_per_s", "tokens/s", "{:,.0f}"), ("peak_rss_bytes", "peak MiB", "{:,.0f}")),
}
TITLES = {RUNNING: "Running", TRAINING: "Training"}


def spread(values, form):
    """The lowest and the highest, once where they read the same."""
    ends = [form.format(value) for value in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def cell(group, key, form):
    values = [row[key] / (1 << 20 if key.endswith("_bytes") else 1) for row in group if row.get(key) is not None]
    return spread(values, form) if values else ""


def table_line(cells):
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in cells) + " |\n"


def groups_of(rows):
    """Rows of all rounds that are of one peer and context, in the order of the first."""
    groups = {}
    for row in rows:
        groups.setdefault((row["engine"], row["flags"], row.get("context")), []).append(row)
    return groups


def table(job, rows):
    heads = ["engine", "version", "flags", "tokens", *(heading for _, heading, _ in COLUMNS[job])]
    text = f"\n## {TITLES[job]}\n\n" + table_line(heads) + table_line(["---"] * len(heads))
    for (engine, flags, context), group in groups_of(rows).items():
        figures = [cell(group, key, form) for key, _, form in COLUMNS[job]]
        reasons = [row["reason"] for row in group if "reason" in row]
        if reasons:
            figures = [reasons[-1]] + [""] * (len(figures) - 1)
        version = next((row["version"] for row in group if row.get("version")), "")
        text += table_line([engine, version, flags, "" if context is None else f"{context:,}", *figures])
    return text


def markdown(about, rows):
    text = (f"{about['processor']}{' (family/model ' + about['family'] + ')' if about['family'] else ''}, "
            f"{' '.join(about['instruction_sets']) or 'instruction sets unknown'}; {about['threads']} threads of "
            f"{about['processors']} processors; load before: {about['load_before']}; {about['date']}; {os.uname().sysname}\n")
    for job in (RUNNING, TRAINING):
        of_job = [row for row in rows if row["job"] == job]
        if of_job:
            text += table(job, of_job)
    return text
