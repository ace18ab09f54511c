#!/usr/bin/env python3
"""Writes tests/eval/data/chinese-words/: a small list of words, a small model, and what jieba cuts texts into with them.

Needs jieba 0.42.1. dict.txt has those of jieba's words that stand in the texts below, and beginnings that are no words;
model.json has jieba's probabilities of most of their characters, without the rest and without some states, so that states
become equally likely.
"""
import json
import pathlib
import random
import sys
import tempfile

import jieba
from jieba import finalseg

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))
from convert_chinese_words import write_model  # noqa: E402

CACHE = tempfile.TemporaryDirectory(prefix="t6-jieba-")
OUT = ROOT / "tests/eval/data/chinese-words"
TEXTS = """
我们今天下午去图书馆看书，明天再去博物馆。
这个模型有一亿三千五百万个参数，内存只要3.5GiB，速度提高了12.5%！
小王说：“你好，世界！”然后他就走了。
北京大学的学生前来应聘，上海的公司录取了他们。
研究生命的起源是生物学家的工作；研究生活也很难。
他从马上下来，马上就说了话。
南京市长江大桥于一九六八年建成通车。
乒乓球拍卖完了，结婚的和尚未结婚的都来了。
张伟强和李晓燕是好朋友，他们住在朝阳区。
C++和C#都是语言，T恤卖AT&T的价钱。
电话是010-62345678，邮箱是a.b_c@d.com，版本1.2.3%。
机器学习与自然语言处理\r\n的方法\n\t很多　有些\u00a0新。
Transformer模型的注意力机制（attention）用键和值。
""".strip().split("\n")
ODD = ["", " ", "\r\n", "\r\r\n", "一", "龘靐", "龘", "𠀀𠀁", "㐀㐁", "\u9fd5\u9fd6", "....", "%%", "3.14%", "3.%", "1.2.3", "a.5b", "+-#&_.",
       "我", "我我我我我我", "。", "😀我😀", "が", "한국", "ａｂ１２", "İß", "\x00\x1f", "--12", "x.", "的的的的的在的"]
# Words that jieba has not, to be found as parts of others only, frequent or not at all.
FURTHER = [("大桥于一九", 3), ("我我", 0), ("晓燕", 0), ("张伟强和李", 2), ("学家", 5), ("学家", 700), ("C++和", 0), ("3.14", 9), ("的的", 50)]


def texts(rng):
    characters = sorted({c for text in TEXTS for c in text})
    mixed = ["".join(rng.choice([*characters, *"0aZ.%龘\u9fd5"]) for _ in range(rng.randrange(1, 30))) for _ in range(60)]
    pieces = [text[i:i + 3] for text in TEXTS for i in range(0, len(text), 3)]
    mixed += ["".join(rng.choice(pieces) for _ in range(rng.randrange(2, 9))) for _ in range(60)]
    return [text.replace("\\r\\n", "\r\n") for text in TEXTS + ODD + mixed]


def word_list():
    jieba.initialize()
    words = {text[i:j] for text in TEXTS for i in range(len(text)) for j in range(i + 1, min(i + 8, len(text)) + 1)}
    known = [(word, jieba.dt.FREQ[word]) for word in sorted(words) if jieba.dt.FREQ.get(word)]
    return [(word, count) for word, count in known if count % 7] + FURTHER


def model(rng):
    characters = sorted({c for text in TEXTS for c in text if finalseg.re_han.match(c)})
    kept = {state: {c: row[c] for c in characters if c in row and rng.random() < 0.8} for state, row in finalseg.emit_P.items()}
    return {"start": finalseg.start_P, "transition": finalseg.trans_P, "emission": kept}


def use(folder):
    """From here on jieba cuts by the files in `folder`."""
    tables = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    finalseg.start_P, finalseg.trans_P, finalseg.emit_P = (tables[name] for name in ("start", "transition", "emission"))
    jieba.dt.tmp_dir = CACHE.name
    jieba.set_dictionary(str(folder / "dict.txt"))
    jieba.initialize()


def main():
    rng = random.Random(3)
    OUT.mkdir(parents=True, exist_ok=True)
    words, tables = word_list(), model(rng)
    (OUT / "dict.txt").write_text("".join(f"{word} {count} n\n" for word, count in words), encoding="utf-8")
    write_model(OUT / "model.json", tables)
    use(OUT)
    rows = [list(jieba.cut(text, cut_all=False)) for text in texts(rng)]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (OUT / "cuts.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(words)} words, {len(rows)} texts")


if __name__ == "__main__":
    main()
