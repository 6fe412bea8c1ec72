import json, time, pytest
from agents.helpdesk import drive, tasks
from agents.models import TaskState
from agents.runtime.tool import ToolResult
from tests.agents.helpdesk.desk import ADA, NAME, Desk
pytestmark = pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize('kind',['plain','hints','escapes','data'])
def test_big(desk, monkeypatch, kind):
    big={'plain':'x'*50_000_000,'hints':'password=abc token line\n'*2_000_000,'escapes':'\x00\ud800\x1b[31m\u202e'*100, 'data':'x'}[kind]
    data={'a':float('inf'),'b':'\x00\ud800', 'c':b'x'} if kind=='data' else {}
    monkeypatch.setattr(Desk,'_run',lambda self,n,s,c: ToolResult(content=big,data=data))
    task=tasks.call(NAME,'look',{},by=ADA)
    t=time.time()
    try: drive.advance(task.run_id)
    except BaseException as e: print(kind,'RAISED',repr(e)[:200])
    f=tasks.find(task.key); print(kind,f.state,len(f.text),round(time.time()-t,1),repr(f.text[:40]),f.artifacts)
