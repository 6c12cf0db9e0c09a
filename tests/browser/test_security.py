"""Words that would be HTML, shown by the course in a real browser: they stay words, and nothing in them runs."""

HARM = """PLANTED = '<script>window.harmed = 1</' + 'script><img src="data:," onerror="window.harmed = 1">'"""
CELLS = [
    "import torch\nfrom torch import nn\nfrom helpers import costs, data, lecture\nfrom helpers.course.exercises import check\n"
    "from helpers.chapters.ch01_convolution.explorer import ConvolutionExplorer\nfrom helpers.chapters.ch07_rnn.explorer import HelloExplorer\n"
    "from helpers.course.source import show_source\nfrom helpers.training import train\n" + HARM,
    "lecture.settle('A1', True, PLANTED)",
    "check(PLANTED, 1)",
    "def conv2d_loops(*arguments, **more):\n    raise ValueError(PLANTED)\ncheck(conv2d_loops)",
    "check('conv2d_loops', lambda x, weight: PLANTED)",
    "net = type(PLANTED, (nn.Sequential,), {})()\nnet.add_module(PLANTED.replace('.', ''), nn.Linear(4, 2))\ncosts.cost_table(net, (1, 4))",
    "train(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data.digits().subset(20), epochs=2, batch_size=5, title=PLANTED);",
    "def hostile():\n    '''```\n\n    <img src=\"data:,\" onerror=\"window.harmed = 1\">\n    '''\nshow_source(hostile)",
    "ConvolutionExplorer({PLANTED: torch.rand(8, 8)}, kernels={PLANTED: torch.ones(3, 3)})",
    "HelloExplorer(word='<b>&')",
]


def test_words_stay_words(notebook):
    notebook.write(*CELLS).open().run_all()
    assert notebook.errors() == []
    for selector in (".cost-table", ".convex", ".panel"):
        notebook.view(selector).scroll_into_view_if_needed()
    notebook.settle()
    assert notebook.page.locator(".jp-OutputArea-output").get_by_text("window.harmed").count() >= 6, (
        "the words are to be read"
    )
    assert notebook.page.evaluate("() => window.harmed") is None
    assert notebook.page.locator('.jp-OutputArea img[src="data:,"], .jp-OutputArea [onerror]').count() == 0


def test_what_runs_is_seen(notebook):
    """The same words, shown as the HTML that they are."""
    notebook.write(f"from IPython.display import HTML\n{HARM}\nHTML(PLANTED)").open().run_all()
    notebook.page.wait_for_function("() => window.harmed === 1", timeout=20_000)
